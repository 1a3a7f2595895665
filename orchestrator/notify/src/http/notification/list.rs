//! `GET /notifications`: what was told, what waits, and what failed and why.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::input::{Params, cut, page_size};
use chiffon_kernel::http::problem::Failure;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::HttpState;
use crate::store::notices::{self, Listed};

/// Where a notification stands.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NoticeState)]
pub(in crate::http) enum Standing {
    Pending,
    Sent,
    Withdrawn,
    GivenUp,
}

impl Standing {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Withdrawn => "withdrawn",
            Self::GivenUp => "given_up",
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    /// Only those in this state.
    #[param(inline)]
    state: Option<Standing>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
    /// Items of a page, 1 to 200; 50 unless told otherwise.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// A page of notifications.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NoticePage)]
pub(in crate::http) struct Page {
    items: Vec<Listed>,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<Uuid>,
}

/// Lists notifications, newest first.
#[utoipa::path(get, path = "/notifications", tag = "notifications", params(ListQuery), responses((status = 200, body = Page)))]
pub(in crate::http) async fn list(State(state): State<HttpState>, Params(query): Params<ListQuery>) -> Result<Json<Page>, Failure> {
    let limit = page_size(query.limit, 50, 200)?;
    let mut connection = state.context.store.acquire().await?;
    let mut items = notices::list(&mut connection, query.state.map(Standing::as_str), query.cursor, limit + 1).await?;
    let more = cut(&mut items, limit);
    let next_cursor = items.last().map(|notice| notice.notice_id).filter(|_| more);
    Ok(Json(Page { items, next_cursor }))
}

//! `GET /standing-approvals`: all of them, newest first, with how often each was used.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::input::{Params, cut, page_size};
use chiffon_kernel::http::problem::Failure;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::HttpState;
use crate::store::read::standing_approvals::{self, Filter, StandingView};

/// How one stands.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum StandingState {
    /// It counts.
    Valid,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Withdrawn,
}

impl StandingState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    /// Only those that are so.
    #[param(inline)]
    state: Option<StandingState>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
    /// Items of a page, 1 to 200; 50 unless told otherwise.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// A page of standing approvals.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StandingPage)]
pub(in crate::http) struct Page {
    items: Vec<StandingView>,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<Uuid>,
}

/// Lists standing approvals, newest first.
#[utoipa::path(get, path = "/standing-approvals", tag = "approvals", params(ListQuery), responses((status = 200, body = Page)))]
pub(in crate::http) async fn list(State(state): State<HttpState>, Params(query): Params<ListQuery>) -> Result<Json<Page>, Failure> {
    let limit = page_size(query.limit, 50, 200)?;
    let filter = Filter { id: None, state: query.state.map(StandingState::as_str), before: query.cursor };
    let mut connection = state.context.store.acquire().await?;
    let mut items = standing_approvals::list(&mut connection, filter, state.context.clock.now(), limit + 1).await?;
    let more = cut(&mut items, limit);
    let next_cursor = items.last().map(|one| one.standing_approval_id).filter(|_| more);
    Ok(Json(Page { items, next_cursor }))
}

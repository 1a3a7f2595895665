//! `GET /sessions`: the browsers that are signed in.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::auth::{Caller, Proof};
use crate::http::input::{Params, cut, page_size};
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::sessions::Listed;
use crate::verbs::sessions;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
    /// Items of a page, 1 to 200; 50 unless told otherwise.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionPage)]
pub(in crate::http) struct Page {
    items: Vec<Listed>,
    /// The one that makes this call; null for a token's call.
    current: Option<Uuid>,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<Uuid>,
}

/// Lists the sessions that count, newest first: one's own, or everybody's for who has `tokens.manage`.
#[utoipa::path(get, path = "/sessions", tag = "sessions", params(ListQuery), responses((status = 200, body = Page)))]
pub(in crate::http) async fn list(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    proof: Proof,
    Params(query): Params<ListQuery>,
) -> Result<Json<Page>, Failure> {
    let limit = page_size(query.limit, 50, 200)?;
    let mut items = sessions::list(&state.context, &caller, query.cursor, limit + 1).await?;
    let more = cut(&mut items, limit);
    let next_cursor = items.last().map(|session| session.session_id).filter(|_| more);
    let current = match proof {
        Proof::Session { id, .. } => Some(id),
        Proof::Token(_) => None,
    };
    Ok(Json(Page { items, current, next_cursor }))
}

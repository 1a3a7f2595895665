//! `GET /dead-letters`: what could not be dealt with, with reason, sender and time.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::input::{Params, bad_query, cut, page_size};
use chiffon_kernel::http::problem::Failure;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::HttpState;
use crate::store::read::dead_letters::{self, DeadLetter, Filter};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    /// `open | replayed | purged | all`; `open` unless told otherwise.
    #[param(pattern = "^(open|replayed|purged|all)$")]
    state: Option<String>,
    /// The queue they came from.
    queue: Option<String>,
    /// The error code they were rejected with.
    code: Option<i32>,
    /// Whose signature they carry.
    sender: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
    /// Items of a page, 1 to 500; 50 unless told otherwise.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
}

/// A page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterPage)]
pub(in crate::http) struct Page {
    /// How many nobody has replayed or purged.
    open: i64,
    items: Vec<DeadLetter>,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<Uuid>,
}

/// Shows what could not be dealt with, newest first.
#[utoipa::path(get, path = "/dead-letters", tag = "dead letters", params(ListQuery), responses((status = 200, body = Page)))]
pub(in crate::http) async fn list(State(state): State<HttpState>, Params(query): Params<ListQuery>) -> Result<Json<Page>, Failure> {
    let limit = page_size(query.limit, 50, 500)?;
    let which = match query.state.as_deref() {
        None => Some("open".to_owned()),
        Some("all") => None,
        Some(word @ ("open" | "replayed" | "purged")) => Some(word.to_owned()),
        Some(other) => return Err(bad_query("state", format!("`{}` is not open, replayed, purged or all", other.escape_default()))),
    };
    let filter = Filter { state: which, queue: query.queue, code: query.code, sender: query.sender, before: query.cursor };
    let mut items = dead_letters::list(state.pool(), &filter, limit + 1).await?;
    let more = cut(&mut items, limit);
    let next_cursor = items.last().map(|letter| letter.id).filter(|_| more);
    Ok(Json(Page { open: dead_letters::count_open(state.pool()).await?, items, next_cursor }))
}

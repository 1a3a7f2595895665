//! `GET /people`: people and programs, and what they may do.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::input::{Params, cut, page_size};
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::principals::{self, Listed};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items of a page, 1 to 200; 50 unless told otherwise.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// A page of people and programs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PeoplePage)]
pub(in crate::http) struct Page {
    items: Vec<Listed>,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

/// Lists people and programs, by name, with their roles. `GET /permissions` says what each role may.
#[utoipa::path(get, path = "/people", tag = "tokens", params(ListQuery), responses((status = 200, body = Page)))]
pub(in crate::http) async fn list(State(state): State<HttpState>, Params(query): Params<ListQuery>) -> Result<Json<Page>, Failure> {
    let limit = page_size(query.limit, 50, 200)?;
    let mut connection = state.context.store.acquire().await?;
    let mut items = principals::list(&mut connection, query.cursor.as_deref(), limit + 1).await?;
    let more = cut(&mut items, limit);
    let next_cursor = items.last().map(|listed| listed.name.clone()).filter(|_| more);
    Ok(Json(Page { items, next_cursor }))
}

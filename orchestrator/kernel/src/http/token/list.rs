//! `GET /tokens`: all tokens, without their texts.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::auth::Proof;
use crate::http::input::{Params, cut, page_size};
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::tokens::Listed;
use crate::verbs::tokens;

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

/// A page of tokens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TokenPage)]
pub(in crate::http) struct Page {
    items: Vec<Listed>,
    /// The one with which this call is made, or with which its browser was signed in; null where there is none.
    current: Option<Uuid>,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<Uuid>,
}

/// Lists tokens, newest first.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(ListQuery), responses((status = 200, body = Page)))]
pub(in crate::http) async fn list(
    State(state): State<HttpState>,
    proof: Proof,
    Params(query): Params<ListQuery>,
) -> Result<Json<Page>, Failure> {
    let limit = page_size(query.limit, 50, 200)?;
    let mut items = tokens::list(&state.context, query.cursor, limit + 1).await?;
    let more = cut(&mut items, limit);
    let next_cursor = items.last().map(|token| token.token_id).filter(|_| more);
    Ok(Json(Page { items, current: proof.maker().token_id, next_cursor }))
}

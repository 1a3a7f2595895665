//! `GET /audit`: who did what, by chain.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::input::{Params, bad_query, cut, page_size};
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::canonical;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::head;
use crate::http::HttpState;
use crate::store::read::audit::{self, AuditView};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    /// A request's id, or `system`, which it is when none is named.
    #[param(pattern = "^(system|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$")]
    chain: Option<String>,
    /// Newest first, in place of oldest first as they are linked.
    #[serde(default)]
    newest: bool,
    /// `next_cursor` of the page before.
    #[param(minimum = 0)]
    cursor: Option<i64>,
    /// Rows of a page, 1 to 1,000; 200 unless told otherwise.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<i64>,
}

/// A page of a chain.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditPage)]
pub(in crate::http) struct Page {
    chain: String,
    items: Vec<AuditView>,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<i64>,
}

/// Shows a chain of the audit log, oldest first unless told otherwise.
#[utoipa::path(get, path = "/audit", tag = "audit", params(ListQuery), responses((status = 200, body = Page)))]
pub(in crate::http) async fn list(State(state): State<HttpState>, Params(query): Params<ListQuery>) -> Result<Json<Page>, Failure> {
    let limit = page_size(query.limit, 200, 1_000)?;
    if let Some(cursor) = query.cursor.filter(|cursor| *cursor < 0) {
        return Err(bad_query("cursor", format!("{cursor} is below 0")));
    }
    let head = head(&state, query.chain).await?;
    let mut found = if query.newest {
        audit::list_newest(state.pool(), &head.chain, query.cursor.unwrap_or(i64::MAX), limit + 1).await?
    } else {
        audit::list(state.pool(), &head.chain, query.cursor.unwrap_or(0), limit + 1).await?
    };
    let more = cut(&mut found, limit);
    let next_cursor = found.last().map(|row| row.seq).filter(|_| more);
    let items = found.into_iter().map(|row| AuditView {
        seq: row.seq,
        at: row.at,
        actor: row.actor,
        event: row.event,
        data: row.data,
        hash: canonical::hex(&row.hash),
    });
    Ok(Json(Page { chain: head.chain, items: items.collect(), next_cursor }))
}

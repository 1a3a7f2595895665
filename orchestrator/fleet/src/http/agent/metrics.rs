//! `GET /agents/{id}/metrics`: an agent's heartbeats over time, newest first.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::HttpState;
use chiffon_kernel::http::input::{Name, Params, cut, moment, page_size};
use chiffon_kernel::http::problem::Failure;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::get::find;
use crate::store::read::agents::{self, Sample};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct MetricsQuery {
    /// At or after this moment (RFC 3339).
    #[serde(default, deserialize_with = "moment")]
    since: Option<DateTime<Utc>>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "moment")]
    cursor: Option<DateTime<Utc>>,
    /// Items of a page, 1 to 2,000; 200 unless told otherwise.
    #[param(minimum = 1, maximum = 2_000)]
    limit: Option<i64>,
}

/// A page of heartbeats.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MetricsPage)]
pub(in crate::http) struct Page {
    items: Vec<Sample>,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<DateTime<Utc>>,
}

/// Shows how an agent has been.
#[utoipa::path(get, path = "/agents/{id}/metrics", tag = "agents", params(("id" = String, Path), MetricsQuery), responses((status = 200, body = Page)))]
pub(in crate::http) async fn metrics(
    State(state): State<HttpState>,
    Name(id): Name,
    Params(query): Params<MetricsQuery>,
) -> Result<Json<Page>, Failure> {
    let limit = page_size(query.limit, 200, 2_000)?;
    let agent = find(&state, &id).await?;
    let mut items = agents::metrics(state.pool(), &agent.agent_id, query.since, query.cursor, limit + 1).await?;
    let more = cut(&mut items, limit);
    let next_cursor = items.last().map(|sample| sample.at).filter(|_| more);
    Ok(Json(Page { items, next_cursor }))
}

//! `GET /events`: the events of all requests and of whatever else has some, in one order and without gaps.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::domain::feed::Place;
use chiffon_kernel::http::input::{Params, bad_query, page_size};
use chiffon_kernel::http::problem::Failure;
use chiffon_kernel::store::feed::{self, Told};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::HttpState;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    /// `next_after` of the answer before, or `cursor` of an event; from the first event without it.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}-[0-9a-f]{1,16}$")]
    after: Option<String>,
    /// Events of a page, 1 to 1,000; 200 unless told otherwise.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<i64>,
}

/// An event of the feed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FeedEvent {
    /// `after` of a call that goes on behind it.
    cursor: String,
    /// What has a new event: the id of a request, for one.
    stream_id: Uuid,
    /// What that is, such as `request`.
    stream_kind: String,
    /// Its number there, from 1 without gaps: what `GET /request/{id}/events` has as its id.
    seq: i64,
    /// When.
    at: DateTime<Utc>,
    /// `request | task | message | plan | log | commit`
    kind: String,
    /// What changed.
    #[schema(value_type = Object)]
    data: Value,
}

/// A page of the feed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedPage)]
pub(in crate::http) struct Page {
    items: Vec<FeedEvent>,
    /// `after` of the next call, now or when there is more; null as long as there was no event at all.
    next_after: Option<String>,
}

/// Reads all events in one order. Whoever goes on with `next_after` gets each of them once, and those of one request in their order. What
/// transactions that still run have told comes when they have ended.
#[utoipa::path(get, path = "/events", tag = "requests", params(ListQuery), responses((status = 200, body = Page)))]
pub(in crate::http) async fn list(State(state): State<HttpState>, Params(query): Params<ListQuery>) -> Result<Json<Page>, Failure> {
    let limit = page_size(query.limit, 200, 1_000)?;
    let unreadable = |()| bad_query("after", "it is no cursor of this feed; take `next_after` of the answer before, or leave it out");
    let after: Option<Place> = query.after.as_deref().map(str::parse).transpose().map_err(unreadable)?;
    let told = feed::list_after(state.pool(), after.unwrap_or(Place::START), limit).await?;
    let last = told.last().map(|event| event.place).or(after);
    Ok(Json(Page { items: told.into_iter().map(FeedEvent::from).collect(), next_after: last.map(|place| place.to_string()) }))
}

impl From<Told> for FeedEvent {
    fn from(told: Told) -> Self {
        let Told { place, stream_kind, at, kind, data } = told;
        Self { cursor: place.to_string(), stream_id: place.stream_id, stream_kind, seq: place.seq, at, kind, data }
    }
}

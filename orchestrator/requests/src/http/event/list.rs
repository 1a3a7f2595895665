//! `GET /events`: the events of all requests and of whatever else has some, in one order and without gaps; page by page, or as they happen.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use chiffon_kernel::domain::feed::Place;
use chiffon_kernel::http::auth::{Caller, Proof};
use chiffon_kernel::http::follower::Follower;
use chiffon_kernel::http::input::{Params, bad_query, page_size};
use chiffon_kernel::http::problem::Failure;
use chiffon_kernel::store::feed::{self, Told};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::watch;
use crate::http::HttpState;

const LIVE: &str = "text/event-stream";

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    /// `next_after` of the answer before, or `cursor` of an event; `now` for what comes from now on; from the first event without it.
    #[param(pattern = "^(now|[0-9a-f]{1,16}-[0-9a-f]{32}-[0-9a-f]{1,16})$")]
    after: Option<String>,
    /// Events of a page, 1 to 1,000; 200 unless told otherwise.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<i64>,
}

/// An event of the feed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FeedEvent {
    /// `after` of a call that goes on behind it.
    pub(super) cursor: String,
    /// What has a new event: the id of a request, for one.
    stream_id: Uuid,
    /// What that is, such as `request`.
    stream_kind: String,
    /// Its number there, from 1 without gaps: what `GET /request/{id}/events` has as its id.
    seq: i64,
    /// When.
    at: DateTime<Utc>,
    /// `request | task | message | plan | log | commit`
    pub(super) kind: String,
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
///
/// With `Accept: text/event-stream` they are told as they happen: each a server-sent event of its `kind` with the event as its data and its
/// cursor as its id, so that a browser or a program that was cut off goes on behind the last one that it has (`Last-Event-ID`, which wins
/// over `after`).
#[utoipa::path(
    get, path = "/events", tag = "requests",
    params(ListQuery, ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, content((Page = "application/json"), (String = "text/event-stream"))))
)]
pub(in crate::http) async fn list(
    State(state): State<HttpState>,
    caller: Caller,
    proof: Proof,
    Params(query): Params<ListQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let limit = page_size(query.limit, 200, 1_000)?;
    let live = headers.get_all(header::ACCEPT).iter().any(|accepted| accepted.to_str().is_ok_and(|accepted| accepted.contains(LIVE)));
    let resumed = headers.get("last-event-id").filter(|value| live && !value.is_empty()).map(|value| value.to_str().unwrap_or("?").trim());
    let after = match resumed {
        Some(cursor) => place(&state, "Last-Event-ID", cursor).await?,
        None => match &query.after {
            Some(cursor) => place(&state, "after", cursor).await?,
            None => Place::START,
        },
    };
    if live {
        let place = state.limits.view(&caller.0)?;
        let who = Follower::new(&state, proof, place);
        return Ok(watch::stream(state, who, after, limit).into_response());
    }
    let told = feed::list_after(state.pool(), after, limit).await?;
    let last = told.last().map(|event| event.place).or(Some(after).filter(|after| *after != Place::START));
    Ok(Json(Page { items: told.into_iter().map(FeedEvent::from).collect(), next_after: last.map(|place| place.to_string()) })
        .into_response())
}

async fn place(state: &HttpState, field: &str, text: &str) -> Result<Place, Failure> {
    if text == "now" {
        return Ok(feed::now(state.pool()).await?);
    }
    let unreadable = |()| bad_query(field, "it is no cursor of this feed; take `next_after` of the answer before, `now`, or leave it out");
    text.parse().map_err(unreadable)
}

impl From<Told> for FeedEvent {
    fn from(told: Told) -> Self {
        let Told { place, stream_kind, at, kind, data } = told;
        Self { cursor: place.to_string(), stream_id: place.stream_id, stream_kind, seq: place.seq, at, kind, data }
    }
}

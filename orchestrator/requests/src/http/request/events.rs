//! `GET /request/{id}/events`: a request's story as server-sent events, from a cursor, until it has ended.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use chiffon_kernel::domain::missing;
use chiffon_kernel::http::auth::{Caller, Proof};
use chiffon_kernel::http::follower::Follower;
use chiffon_kernel::http::input::{Params, bad_query};
use chiffon_kernel::http::problem::Failure;
use futures::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use utoipa::IntoParams;

use super::follow::{Follow, Told};
use super::id::{self, RequestId};
use crate::http::HttpState;
use crate::store::read::request;

const KEEP_ALIVE: Duration = Duration::from_secs(15);
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct EventsQuery {
    /// Tell what comes after this event; `Last-Event-ID` does the same and wins.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// Follows a request. Events are `request`, `task`, `message`, `plan`, `log` (with `lines`), `commit` and at last `end`; each id
/// is a cursor for `Last-Event-ID`.
#[utoipa::path(
    get, path = "/request/{id}/events", tag = "requests",
    params(("id" = Uuid, Path, description = id::WORDS), EventsQuery, ("Last-Event-ID" = Option<i64>, Header)),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream", body = String))
)]
pub(in crate::http) async fn events(
    State(state): State<HttpState>,
    caller: Caller,
    proof: Proof,
    RequestId(id): RequestId,
    Params(query): Params<EventsQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let cursor = cursor(&headers, query.after)?;
    if request::status(state.pool(), id).await?.is_none() {
        return Err(missing::request(id).into());
    }
    let place = state.limits.view(&caller.0)?;
    let stop = state.context.shutdown.stop_token();
    let who = Follower::new(&state, proof, place);
    let follow = Follow::new(state, who, id, cursor);
    let told = stream::unfold(follow, async |mut follow| follow.next().await.map(|told| (told, follow)));
    let events = told.map(|told| Ok(event(&told))).take_until(stop.cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn cursor(headers: &HeaderMap, after: Option<i64>) -> Result<i64, Failure> {
    let header = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?").trim());
    let cursor = match header {
        None | Some("") => after.unwrap_or(0),
        Some(text) => {
            text.parse().map_err(|_| bad_query("Last-Event-ID", format!("`{}` is not the id of an event", text.escape_default())))?
        }
    };
    if cursor < 0 { Err(bad_query("after", "a cursor is 0 or more")) } else { Ok(cursor) }
}

fn event(told: &Told) -> Event {
    let event = Event::default().event(&told.kind).retry(RECONNECT_AFTER).data(told.data.to_string());
    match told.seq {
        Some(seq) => event.id(seq.to_string()),
        None => event,
    }
}

//! The feed as it happens: read from a place on, woken by announcements, and looked at by itself because one may be lost.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use chiffon_kernel::domain::feed::Place;
use chiffon_kernel::http::follower::Follower;
use chiffon_kernel::store::feed;
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::Notify;

use super::list::FeedEvent;
use crate::http::HttpState;

const KEEP_ALIVE: Duration = Duration::from_secs(15);
const RECONNECT_AFTER: Duration = Duration::from_secs(1);
/// An announced event may stand behind a transaction that still runs, whose end nobody announces.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tells what comes after a place, without an end.
pub(super) fn stream(state: HttpState, who: Follower, after: Place, batch: i64) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let stop = state.context.shutdown.stop_token();
    let watch = Watch { changed: state.live.follow_all(), state, who, after, batch, ready: VecDeque::new() };
    let told = stream::unfold(watch, async |mut watch| watch.next().await.map(|told| (told, watch)));
    let events = told.map(|told| Ok(event(&told))).take_until(stop.cancelled_owned());
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

fn event(told: &FeedEvent) -> Event {
    let data = serde_json::to_string(told).expect("an event is JSON");
    Event::default().event(&told.kind).id(&told.cursor).retry(RECONNECT_AFTER).data(data)
}

struct Watch {
    state: HttpState,
    who: Follower,
    after: Place,
    batch: i64,
    changed: Arc<Notify>,
    ready: VecDeque<FeedEvent>,
}

impl Watch {
    /// The next event; `None` when whoever watches may do so no more.
    async fn next(&mut self) -> Option<FeedEvent> {
        let changed = self.changed.clone();
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Some(told);
            }
            if !self.who.may_go_on(&self.state).await {
                return None;
            }
            let mut wake = std::pin::pin!(changed.notified());
            wake.as_mut().enable();
            match feed::list_after(self.state.pool(), self.after, self.batch).await {
                Ok(told) => {
                    self.after = told.last().map_or(self.after, |event| event.place);
                    self.ready.extend(told.into_iter().map(FeedEvent::from));
                }
                Err(error) => tracing::warn!(%error, "the feed can't be read for a live view; it tries again"),
            }
            if self.ready.is_empty() {
                drop(tokio::time::timeout(LOOK_EVERY, wake).await);
            }
        }
    }
}

//! Following one request: its events in order from a cursor, until it has ended.
//!
//! Each event of the store is one item here, a `log` event with all its lines, so that a cursor never stands inside of one:
//! resuming loses nothing and doubles nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chiffon_engine::store::read::tasks::LogLine;
use chiffon_kernel::http::follower::Follower;
use chiffon_kernel::store::events::Event;
use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::http::HttpState;
use crate::store::read::live::{self, Batch};

const BATCH: i64 = 100;

/// What a follower is told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    /// The cursor behind it; `None` for the end.
    pub(super) seq: Option<i64>,
    /// `request | task | message | plan | log | commit | end`
    pub(super) kind: String,
    /// What changed.
    pub(super) data: Value,
}

/// One follower.
pub(super) struct Follow {
    state: HttpState,
    who: Follower,
    request_id: Uuid,
    cursor: i64,
    changed: Arc<Notify>,
    ready: VecDeque<Told>,
    /// When the request was first seen to have ended with all its events told.
    ended_at: Option<Duration>,
    over: bool,
}

impl Follow {
    pub(super) fn new(state: HttpState, who: Follower, request_id: Uuid, cursor: i64) -> Self {
        let changed = state.live.follow(request_id);
        Self { state, who, request_id, cursor, changed, ready: VecDeque::new(), ended_at: None, over: false }
    }

    /// The next thing to tell; `None` after the end.
    pub(super) async fn next(&mut self) -> Option<Told> {
        let changed = self.changed.clone();
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Some(told);
            }
            if self.over {
                return None;
            }
            if !self.who.may_go_on(&self.state).await {
                return None;
            }
            let mut wake = std::pin::pin!(changed.notified());
            wake.as_mut().enable();
            let pause = match live::read(self.state.pool(), self.request_id, self.cursor, BATCH).await {
                Ok(Some(batch)) => self.take(batch),
                Ok(None) => {
                    self.over = true;
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%error, request_id = %self.request_id, "a live view can't read; it tries again");
                    Some(Duration::from_secs(1))
                }
            };
            if let Some(pause) = pause {
                // A lost announcement costs one period, never an event.
                drop(tokio::time::timeout(pause, wake).await);
            }
        }
    }

    /// Takes what was read; says how long to wait for more, `None` when there is something to tell or to read now.
    fn take(&mut self, batch: Batch) -> Option<Duration> {
        let Batch { events, status, finished, last, settled } = batch;
        for (event, lines) in events {
            self.cursor = event.seq;
            self.ready.push_back(told(event, &lines));
        }
        if !last || !self.ready.is_empty() {
            return None;
        }
        if !finished {
            self.ended_at = None;
            return Some(self.state.options.live_period);
        }
        let now = self.state.context.clock.elapsed();
        let lingered = now.saturating_sub(*self.ended_at.get_or_insert(now));
        if settled || lingered >= self.state.options.live_linger {
            let data = json!({"request_id": self.request_id, "status": status, "settled": settled});
            self.ready.push_back(Told { seq: None, kind: "end".to_owned(), data });
            self.over = true;
            return None;
        }
        // Log lines and commits that arrive later are announced, too; the end of the patience is not.
        Some(self.state.options.live_period.min(self.state.options.live_linger.saturating_sub(lingered)))
    }
}

fn told(event: Event, lines: &[LogLine]) -> Told {
    let mut data = match event.data {
        Value::Object(data) => data,
        other => serde_json::Map::from_iter([("value".to_owned(), other)]),
    };
    data.insert("at".to_owned(), json!(event.at));
    if event.kind == "log" {
        data.insert("lines".to_owned(), json!(lines));
    }
    Told { seq: Some(event.seq), kind: event.kind, data: Value::Object(data) }
}

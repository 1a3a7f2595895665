//! What other processes are to hear of what this one has committed: gathered here, and announced together.
//!
//! PostgreSQL lets transactions with a `NOTIFY` commit one after the other, each until it is on the disk, so none of those that change
//! something holds one. What is lost with a process that dies in between is found by the periods of those that listen (RELIABILITY 2, 23).

use std::collections::BTreeSet;
use std::mem;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

/// What is waiting to be announced.
#[derive(Debug, Default)]
pub struct Announcements {
    waiting: Mutex<Waiting>,
    more: Notify,
}

/// What others may look at now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Requests with new events.
    pub requests: BTreeSet<Uuid>,
    /// Whether there is something in the outbox.
    pub outbox: bool,
    /// Whether there is something to plan.
    pub planner: bool,
}

impl Announcements {
    /// Adds to what is waiting.
    pub fn add(&self, more: Waiting) {
        if more == Waiting::default() {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.requests.extend(more.requests);
        waiting.outbox |= more.outbox;
        waiting.planner |= more.planner;
        drop(waiting);
        self.more.notify_one();
    }

    /// All that is waiting, once there is something.
    pub async fn next(&self) -> Waiting {
        loop {
            let waiting = mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if waiting != Waiting::default() {
                return waiting;
            }
            self.more.notified().await;
        }
    }
}

//! The unit of work: one transaction, what it leaves behind, and what follows once it is committed.
//!
//! A use case says what happened; [`Work::commit`] writes audit, events and messages in one statement for all of them, commits, and then
//! wakes whoever has something to do now and answers whoever waits. Nothing of it happens when it is dropped instead. Nobody else's commit
//! waits for a `NOTIFY`: what other processes hear goes out afterwards, for many transactions at once ([`super::announcements`]).

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Context;
use super::announcements::Waiting;
use super::reply::{self, About, Addressee};
use crate::domain::audit::AuditEvent;
use crate::store::outbox::{self, Message};
use crate::store::trail::{self, Trail};
use crate::store::{self, Tx};

/// One transaction with all that follows from it. Statements run on it as on a connection.
#[derive(Debug)]
pub struct Work {
    context: Context,
    transaction: Tx,
    now: OnceLock<DateTime<Utc>>,
    trail: Trail,
    replies: Vec<(Addressee, About, chiffon_protocol::Message)>,
    wakes_dispatcher: bool,
    wakes_scribe: bool,
    wakes_planner: bool,
}

impl Context {
    /// Begins a unit of work.
    pub async fn begin(&self) -> Result<Work, store::Error> {
        Ok(Work {
            transaction: self.store.begin_work().await?,
            now: OnceLock::new(),
            context: self.clone(),
            trail: Trail::default(),
            replies: Vec::new(),
            wakes_dispatcher: false,
            wakes_scribe: false,
            wakes_planner: false,
        })
    }
}

impl Work {
    /// The one time of all that is written: when it was first asked for. Ask under the locks: whoever waits for them comes after those that
    /// had them, in time, too.
    pub fn now(&self) -> DateTime<Utc> {
        *self.now.get_or_init(|| self.context.clock.now())
    }

    /// Begins the history of something that is made here, such as a `request`. It has the id of the thing.
    pub fn open(&mut self, stream_id: Uuid, kind: &'static str) {
        self.trail.opened.push((stream_id, kind));
    }

    /// Adds to the chain of a stream. The row of the thing that it is of is locked by now, or is at the commit.
    pub fn audit(&mut self, stream_id: Uuid, event: AuditEvent) {
        self.trail.audit.push((stream_id, event));
    }

    /// Adds to the chain of what belongs to no stream.
    pub fn audit_system(&mut self, event: AuditEvent) {
        self.trail.system.push(event);
    }

    /// Tells who follows a stream: `request | task | message | plan | log | commit`, and what changed.
    pub fn event(&mut self, stream_id: Uuid, kind: &'static str, data: Value) {
        self.trail.events.push((stream_id, kind, data));
    }

    /// Sends a message, through the outbox.
    pub fn send(&mut self, message: Message) {
        self.trail.messages.push(message);
    }

    /// Tells one start of an agent something, once it is true. What gets lost is asked for again.
    pub fn reply(&mut self, to: Addressee, about: About, message: impl Into<chiffon_protocol::Message>) {
        self.replies.push((to, about, message.into()));
    }

    /// There may be something to dispatch then.
    pub fn wake_dispatcher(&mut self) {
        self.wakes_dispatcher = true;
    }

    /// There may be something to commit to the audit repository then.
    pub fn wake_scribe(&mut self) {
        self.wakes_scribe = true;
    }

    /// There may be something to plan then.
    pub fn wake_planner(&mut self) {
        self.wakes_planner = true;
    }

    /// Makes it last, and does what follows.
    pub async fn commit(mut self) -> Result<(), store::Error> {
        let Context { wakes, live, announcements, handed, happened, .. } = &self.context;
        let sends = !self.trail.messages.is_empty();
        let room = if sends { handed.reserve(self.trail.messages.len()) } else { None };
        let mut rows = Vec::new();
        if !self.trail.is_empty() {
            let now = *self.now.get_or_init(|| self.context.clock.now());
            rows = trail::write(&mut self.transaction, &self.trail, room.is_some(), now).await?;
        }
        store::commit(self.transaction).await?;
        happened.count(self.trail.audit.iter().map(|(_, event)| event.event).chain(self.trail.system.iter().map(|event| event.event)));
        let changed = self.trail.events.iter().map(|(stream_id, ..)| *stream_id).collect::<BTreeSet<_>>();
        for stream_id in &changed {
            live.wake(*stream_id);
        }
        let is_left = sends && room.is_none();
        match room {
            Some(room) => room.hand(outbox::rows(self.trail.messages, &rows)),
            None if is_left => handed.look(),
            None => {}
        }
        if sends {
            wakes.outbox.notify_one();
        }
        if self.wakes_dispatcher {
            wakes.dispatcher.notify_one();
        }
        if self.wakes_scribe {
            wakes.git_scribe.notify_one();
        }
        if self.wakes_planner {
            wakes.planner.notify_one();
        }
        announcements.add(Waiting { requests: changed, outbox: is_left, planner: self.wakes_planner });
        let context = &self.context;
        let replies = self.replies.into_iter().map(|(to, about, message)| async move { reply::send(context, &to, &about, message).await });
        join_all(replies).await;
        Ok(())
    }
}

impl Deref for Work {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for Work {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}

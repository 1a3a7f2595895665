//! Messages that go from the transaction that wrote them to this process's relay without another look at the outbox.
//!
//! Their rows are written as leased, so no other relay sends them; a process that dies with them in hand leaves them to the end of that
//! lease, as with what its relay had leased itself (RELIABILITY 2). No more than [`MOST`] are in hand; what comes beyond waits in the outbox.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::store::outbox::Leased;

/// So many messages are in hand at most.
const MOST: usize = 256;

/// What is in hand. Nothing is until somebody [takes it](Self::open).
#[derive(Debug, Default)]
pub struct Handed {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_open: bool,
    /// Promised to transactions that are not committed yet.
    reserved: usize,
    waiting: VecDeque<Leased>,
    /// Whether the outbox holds something that was not handed over.
    is_more: bool,
}

/// Room for the messages of one transaction; given back unless they are [handed over](Self::hand).
#[derive(Debug)]
pub struct Room<'h> {
    handed: &'h Handed,
    messages: usize,
}

impl Handed {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on a relay of this process takes what is handed over.
    pub fn open(&self) {
        self.state().is_open = true;
    }

    /// Room for so many, if somebody takes them.
    pub fn reserve(&self, messages: usize) -> Option<Room<'_>> {
        let mut state = self.state();
        let has_room = state.is_open && state.reserved + state.waiting.len() + messages <= MOST;
        if !has_room {
            return None;
        }
        state.reserved += messages;
        Some(Room { handed: self, messages })
    }

    /// There is something in the outbox that was not handed over.
    pub fn look(&self) {
        self.state().is_more = true;
    }

    /// Up to so many of what is in hand, the oldest first.
    pub fn take(&self, limit: usize) -> Vec<Leased> {
        let mut state = self.state();
        let many = state.waiting.len().min(limit);
        state.waiting.drain(..many).collect()
    }

    /// Whether the outbox has to be looked at: something lies there, or nothing is ever handed over.
    pub fn take_look(&self) -> bool {
        let mut state = self.state();
        std::mem::take(&mut state.is_more) || !state.is_open
    }

    /// Nobody takes anything any more; the rows that were in hand.
    pub fn close(&self) -> Vec<i64> {
        let mut state = self.state();
        state.is_open = false;
        state.waiting.drain(..).map(|row| row.id).collect()
    }
}

impl Room<'_> {
    /// Hands them over, once their rows are committed.
    pub fn hand(self, rows: Vec<Leased>) {
        self.handed.state().waiting.extend(rows);
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let mut state = self.handed.state();
        state.reserved = state.reserved.saturating_sub(self.messages);
    }
}

#[cfg(test)]
mod tests {
    use chiffon_protocol::topology::WORK_EXCHANGE;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn row(id: i64) -> Leased {
        Leased {
            id,
            message_id: Uuid::nil(),
            exchange: WORK_EXCHANGE.to_owned(),
            routing_key: "orchestrator.requests".to_owned(),
            recipient: "orchestrator.requests".to_owned(),
            envelope: json!({}),
            task_id: None,
            attempt: None,
            offer: None,
            body: None,
            headers: None,
        }
    }

    #[test]
    fn nothing_is_handed_over_where_nobody_takes_it() {
        let handed = Handed::default();
        assert!(handed.reserve(1).is_none());
        assert!(handed.take_look() && handed.take_look(), "so the outbox is looked at each time");
        handed.open();
        assert!(!handed.take_look());
        handed.look();
        assert!(handed.take_look() && !handed.take_look(), "once for each time that something lies there");
    }

    #[test]
    fn no_more_is_in_hand_than_there_is_room_for() {
        let handed = Handed::default();
        handed.open();
        drop(handed.reserve(MOST).expect("a transaction that is given up"));
        let room = handed.reserve(MOST - 1).expect("its room is free again");
        assert!(handed.reserve(2).is_none(), "reserved room counts");
        room.hand((0..).take(MOST - 1).map(row).collect());
        assert!(handed.reserve(2).is_none(), "and what waits");
        assert_eq!(handed.take(2).iter().map(|row| row.id).collect::<Vec<_>>(), [0, 1]);
        handed.reserve(3).expect("there is room again").hand(vec![row(7)]);
        assert_eq!(handed.close().len(), MOST - 2);
        assert!(handed.reserve(1).is_none());
    }
}

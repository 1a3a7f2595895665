//! The broker as far as it can be relied on: it may lose, double, delay and reorder whatever it is given, and it gives a delivery
//! that nobody settled to somebody else.

use chiffon_protocol::message::{Decision, Outcome};
use uuid::Uuid;

/// Names one attempt: the task's index, the attempt's number.
pub(crate) type Key = (usize, i32);

/// Where messages wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    Work,
    Claims,
    Reports,
    /// Of one start of an agent: gone with it.
    Control(usize, u64),
}

/// What a result says beside its outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Aside {
    #[default]
    Nothing,
    /// It was not run: variables of its host are not those of the preview.
    Refused,
    /// Something of it may still run on its host.
    LeftRunning,
}

/// What parties say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Work {
        key: Key,
        offer: i32,
    },
    Claim {
        claim_id: Uuid,
        key: Key,
        offer: i32,
        agent: usize,
        incarnation: u64,
    },
    Decline {
        key: Key,
        offer: i32,
        agent: usize,
    },
    Hello {
        agent: usize,
        incarnation: u64,
        unfinished: Vec<Key>,
    },
    Heartbeat {
        agent: usize,
        incarnation: u64,
        running: Vec<Key>,
    },
    Started {
        key: Key,
        agent: usize,
    },
    Result {
        key: Key,
        agent: usize,
        outcome: Outcome,
        aside: Aside,
    },
    Grant {
        claim_id: Uuid,
        key: Key,
        decision: Decision,
    },
    Stored {
        key: Key,
    },
    /// Of one attempt, or of whatever runs of the task.
    Cancel {
        task: usize,
        attempt: Option<i32>,
    },
    HelloWanted,
}

/// A message on its way.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) id: u64,
    pub(crate) queue: Queue,
    pub(crate) message: Message,
}

/// Who holds an unsettled delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Party {
    Orchestrator(usize),
    Agent(usize),
}

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Network {
    ready: Vec<Parcel>,
    held: Vec<(Party, Parcel)>,
    last_id: u64,
}

impl Network {
    pub(crate) fn put(&mut self, queue: Queue, message: Message) {
        self.last_id += 1;
        self.ready.push(Parcel { id: self.last_id, queue, message });
    }

    /// How many wait in the queues that this accepts.
    pub(crate) fn count(&self, accepts: impl Fn(Queue) -> bool) -> usize {
        self.ready.iter().filter(|parcel| accepts(parcel.queue)).count()
    }

    /// Hands out the `nth` of them. It stays unsettled until [`Network::settle`].
    pub(crate) fn deliver(&mut self, to: Party, nth: usize, accepts: impl Fn(Queue) -> bool) -> Option<Parcel> {
        let at = self.ready.iter().enumerate().filter(|(_, parcel)| accepts(parcel.queue)).map(|(at, _)| at).nth(nth)?;
        let parcel = self.ready.swap_remove(at);
        self.held.push((to, parcel.clone()));
        Some(parcel)
    }

    /// Acknowledged, or rejected: it is gone. One that was given back meanwhile stays where it is.
    pub(crate) fn settle(&mut self, id: u64) {
        self.held.retain(|(_, parcel)| parcel.id != id);
    }

    /// What a party held goes back: it died, or its connection did.
    pub(crate) fn give_back(&mut self, party: Party) {
        let (back, held) = std::mem::take(&mut self.held).into_iter().partition(|(holder, _)| *holder == party);
        self.held = held;
        self.ready.extend(back.into_iter().map(|(_, parcel): (Party, Parcel)| parcel));
    }

    /// The queue goes away with all that is in it.
    pub(crate) fn remove(&mut self, queue: Queue) {
        self.ready.retain(|parcel| parcel.queue != queue);
        self.held.retain(|(_, parcel)| parcel.queue != queue);
    }

    /// Loses a ready message.
    pub(crate) fn lose(&mut self, nth: usize) -> Option<Parcel> {
        (nth < self.ready.len()).then(|| self.ready.swap_remove(nth))
    }

    pub(crate) fn len(&self) -> usize {
        self.ready.len()
    }
}

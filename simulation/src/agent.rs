//! The agents: what each does next with an attempt is decided by the worker's own machine. The journal outlives a crash, and so
//! do the processes of a run; everything else is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use chiffon_protocol::message::{Decision, Outcome, WorkClaim, WorkGrant};
use chiffon_worker::machine::{self, Answered, Arrival, Begin, Recovered, State};
use uuid::Uuid;

use crate::network::{Aside, Key};
use crate::orchestrator::{START_WITHIN, name};

/// What the disk holds of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) state: State,
    pub(crate) offer: i32,
    pub(crate) claim_id: Uuid,
    pub(crate) result: Option<Outcome>,
    pub(crate) aside: Aside,
}

/// What the process knows beside that.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    /// How far it is, where that is further than the disk says.
    pub(crate) asked: bool,
    pub(crate) first_sent: Option<Duration>,
    pub(crate) last_sent: Option<Duration>,
    pub(crate) start_before: Option<Duration>,
    /// The delivery that is still unsettled.
    pub(crate) delivery: Option<u64>,
    pub(crate) cancelled: bool,
    pub(crate) executed: bool,
}

/// One agent.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) number: usize,
    pub(crate) up: bool,
    pub(crate) incarnation: u64,
    pub(crate) journal: BTreeMap<Key, Entry>,
    pub(crate) live: BTreeMap<Key, Live>,
}

/// What came of an answer to a claim.
pub(crate) enum AnswerTaken {
    /// Nobody waits for it.
    Nobody,
    /// The delivery can be settled: the attempt runs, or is forgotten.
    Settle(Option<u64>),
}

/// What comes next for an attempt.
pub(crate) enum NextStep {
    Nothing,
    SendClaim {
        claim_id: Uuid,
        offer: i32,
    },
    /// `starting` is journalled now.
    JournalStart,
    /// It executes now.
    Execute,
    /// It ends without having been executed.
    End(Outcome),
    SendResult(Outcome),
}

const ASK_AGAIN: Duration = Duration::from_secs(1);
const RESULT_AGAIN: Duration = Duration::from_secs(2);

impl Agent {
    pub(crate) fn new(number: usize) -> Self {
        Self { number, up: false, incarnation: 0, journal: BTreeMap::new(), live: BTreeMap::new() }
    }

    /// A delivery of work; whether it is settled at once.
    pub(crate) fn arrived(&mut self, key: Key, offer: i32, delivery: u64, claim_id: Uuid) -> bool {
        match machine::arrival(self.known(key), offer.unsigned_abs()) {
            Arrival::Known => true,
            // The worker keeps the delivery until the older claim is answered; here it is the same as to give it back.
            Arrival::AfterClaim => false,
            Arrival::New => {
                self.journal.insert(key, Entry { state: State::Received, offer, claim_id, result: None, aside: Aside::Nothing });
                self.live.insert(key, Live { delivery: Some(delivery), ..Live::default() });
                false
            }
        }
    }

    /// Whether it holds this delivery itself.
    pub(crate) fn holds(&self, delivery: u64) -> bool {
        self.live.values().any(|live| live.delivery == Some(delivery))
    }

    fn known(&self, key: Key) -> Option<(State, u32)> {
        let entry = self.journal.get(&key)?;
        let asked = self.live.get(&key).is_some_and(|live| live.asked);
        let state = if asked { entry.state.max(State::Claimed) } else { entry.state };
        let granted = self.live.get(&key).is_some_and(|live| live.start_before.is_some());
        Some((if granted { state.max(State::Granted) } else { state }, entry.offer.unsigned_abs()))
    }

    pub(crate) fn answered(&mut self, claim_id: Uuid, key: Key, decision: Decision) -> AnswerTaken {
        let Some(entry) = self.journal.get(&key) else { return AnswerTaken::Nobody };
        let claim = claim_of(self.number, key, entry);
        let grant = WorkGrant {
            claim_id,
            task_id: claim.task_id,
            attempt: claim.attempt,
            agent_id: claim.agent_id.clone(),
            decision,
            reason: String::new(),
            start_within_seconds: START_WITHIN.as_secs(),
            work_sha256: claim.work_sha256.clone(),
        };
        let Some(live) = self.live.get_mut(&key) else { return AnswerTaken::Nobody };
        let waits = live.asked && live.start_before.is_none() && entry.state < State::Starting;
        let Some(sent) = live.first_sent.filter(|_| waits && machine::fits(&claim, &grant)) else { return AnswerTaken::Nobody };
        match machine::answered(decision, sent, START_WITHIN) {
            Answered::Run { start_before } => {
                live.start_before = Some(start_before);
                AnswerTaken::Settle(live.delivery.take())
            }
            Answered::Forget => {
                let delivery = live.delivery.take();
                self.journal.remove(&key);
                self.live.remove(&key);
                AnswerTaken::Settle(delivery)
            }
        }
    }

    pub(crate) fn next_step(&self, key: Key, now: Duration) -> NextStep {
        let (Some(entry), Some(live)) = (self.journal.get(&key), self.live.get(&key)) else { return NextStep::Nothing };
        let due = |pause: Duration| live.last_sent.is_none_or(|last| now >= last + pause);
        match (entry.result, entry.state, live.start_before) {
            (Some(outcome), ..) => {
                if due(RESULT_AGAIN) {
                    NextStep::SendResult(outcome)
                } else {
                    NextStep::Nothing
                }
            }
            (None, State::Received | State::Claimed | State::Granted, None) if due(ASK_AGAIN) => {
                NextStep::SendClaim { claim_id: entry.claim_id, offer: entry.offer }
            }
            (None, State::Received | State::Claimed | State::Granted, Some(until)) => match machine::begin(now, until, live.cancelled) {
                Begin::Yes => NextStep::JournalStart,
                Begin::TooLate => NextStep::End(Outcome::NotStarted),
                Begin::Cancelled => NextStep::End(Outcome::Cancelled),
            },
            (None, State::Starting, until) if !live.executed => match machine::begin(now, until.unwrap_or(Duration::MAX), false) {
                Begin::Yes | Begin::Cancelled => NextStep::Execute,
                Begin::TooLate => NextStep::End(Outcome::NotStarted),
            },
            // Asked and not answered yet, or running.
            (None, State::Received | State::Claimed | State::Granted, None) | (None, State::Starting | State::Finished, _) => {
                NextStep::Nothing
            }
        }
    }

    /// Journals the end; what the agent says from now on, whatever happens.
    pub(crate) fn end(&mut self, key: Key, outcome: Outcome) {
        if let Some(entry) = self.journal.get_mut(&key) {
            entry.state = State::Finished;
            entry.result = Some(outcome);
        }
        if let Some(live) = self.live.get_mut(&key) {
            live.last_sent = None;
        }
    }

    /// What it says of this attempt beside the outcome.
    pub(crate) fn say_aside(&mut self, key: Key, aside: Aside) {
        if let Some(entry) = self.journal.get_mut(&key) {
            entry.aside = aside;
        }
    }

    pub(crate) fn aside(&self, key: Key) -> Aside {
        self.journal.get(&key).map(|entry| entry.aside).unwrap_or_default()
    }

    pub(crate) fn stored(&mut self, key: Key) {
        let result = self.journal.get(&key).and_then(|entry| entry.result);
        if machine::may_forget(true, 0, result.map(|_| 0)) {
            self.journal.remove(&key);
            self.live.remove(&key);
        }
    }

    /// Everything that only memory held is gone.
    pub(crate) fn crash(&mut self) {
        self.up = false;
        self.live.clear();
    }

    /// A new start. What has to be stopped before anything is said, and whether it was cut off.
    pub(crate) fn start(&mut self) -> Vec<(Key, Recovered)> {
        self.up = true;
        self.incarnation += 1;
        let found: Vec<(Key, Recovered)> =
            self.journal.iter().map(|(key, entry)| (*key, machine::recovered(entry.state, entry.result.is_some()))).collect();
        for (key, recovered) in &found {
            self.live.insert(*key, Live::default());
            match recovered {
                Recovered::Report => {}
                Recovered::Interrupted => self.end(*key, Outcome::Interrupted),
                Recovered::NotStarted => self.end(*key, Outcome::NotStarted),
            }
        }
        found
    }

    /// What its heartbeat names.
    pub(crate) fn running(&self) -> Vec<Key> {
        self.journal.iter().filter(|(_, entry)| entry.state == State::Starting).map(|(key, _)| *key).collect()
    }

    /// What its hello names.
    pub(crate) fn unfinished(&self) -> Vec<Key> {
        self.journal.keys().copied().collect()
    }
}

/// The claim of an attempt, as it is sent each time.
fn claim_of(agent: usize, key: Key, entry: &Entry) -> WorkClaim {
    WorkClaim {
        claim_id: entry.claim_id,
        task_id: Uuid::from_u128(key.0 as u128 + 1),
        attempt: key.1.unsigned_abs(),
        offer: entry.offer.unsigned_abs(),
        agent_id: name(agent).to_owned(),
        journal_id: Uuid::nil(),
        work_sha256: String::new(),
    }
}

//! Steps of the agents and of what they run, and where they die.

use std::time::Duration;

use chiffon_protocol::message::Outcome;
use chiffon_worker::machine::{Recovered, State};
use uuid::Uuid;

use super::{Process, World, is_for_agent};
use crate::agent::{AnswerTaken, NextStep};
use crate::bug::Bug;
use crate::network::{Aside, Key, Message, Party, Queue};
use crate::orchestrator::RUN_WITHIN;

impl World {
    pub(super) fn deliver_to_agent(&mut self, agent: usize) {
        let waiting = self.network.count(|queue| is_for_agent(queue, agent) && self.agents[agent].up);
        let incarnation = self.agents[agent].incarnation;
        if waiting == 0 {
            return;
        }
        let nth = self.rng.usize(..waiting);
        let Some(parcel) = self.network.deliver(Party::Agent(agent), nth, |queue| is_for_agent(queue, agent)) else { return };
        self.trace.say(|| format!("agent {agent} ({incarnation}) hears {:?}", parcel.message));
        match parcel.message {
            Message::Work { key, offer } => return self.work_arrives(agent, key, offer, parcel.id),
            Message::Grant { claim_id, key, decision } => {
                if let AnswerTaken::Settle(Some(delivery)) = self.agents[agent].answered(claim_id, key, decision) {
                    self.network.settle(delivery);
                }
            }
            Message::Stored { key } => self.agents[agent].stored(key),
            Message::Cancel { task, attempt } => self.cancel_heard(agent, task, attempt),
            Message::HelloWanted => self.say_hello(agent),
            _ => {}
        }
        self.network.settle(parcel.id);
    }

    pub(super) fn work_arrives(&mut self, agent: usize, key: Key, offer: i32, delivery: u64) {
        if self.fault(60) {
            self.trace.say(|| format!("agent {agent}'s disk is full: it declines {key:?}"));
            self.publish(Queue::Claims, Message::Decline { key, offer, agent });
            return self.network.settle(delivery);
        }
        self.ids += 1;
        if self.agents[agent].arrived(key, offer, delivery, Uuid::from_u128(self.ids)) {
            return self.network.settle(delivery);
        }
        if !self.agents[agent].holds(delivery) {
            return self.network.give_back(Party::Agent(agent));
        }
        if self.bug == Some(Bug::AckBeforeClaim) {
            self.network.settle(delivery);
            if let Some(entry) = self.agents[agent].journal.get_mut(&key) {
                entry.state = State::Starting;
            }
            self.execute(agent, key);
        }
    }

    pub(super) fn cancel_heard(&mut self, agent: usize, task: usize, attempt: Option<i32>) {
        let is_meant = |key: &Key| key.0 == task && attempt.is_none_or(|attempt| attempt == key.1);
        for (key, live) in &mut self.agents[agent].live {
            live.cancelled |= is_meant(key);
        }
        let of_agent = self.processes.iter().filter(|process| process.agent == agent).map(|process| process.key);
        let stopped: Vec<Key> = of_agent.filter(is_meant).collect();
        for key in stopped {
            self.processes.retain(|process| process.key != key);
            self.leave_something(agent, key);
            self.end(agent, key, Outcome::Cancelled);
        }
    }

    pub(super) fn advance_agent(&mut self, agent: usize) {
        let live = self.agents[agent].live.len();
        if live > 0
            && let Some(key) = self.agents[agent].live.keys().nth(self.rng.usize(..live)).copied()
        {
            self.advance(agent, key);
        }
    }

    pub(super) fn advance(&mut self, agent: usize, key: Key) {
        if !self.agents[agent].up {
            return;
        }
        let (now, incarnation) = (self.now, self.agents[agent].incarnation);
        match self.agents[agent].next_step(key, now) {
            NextStep::Nothing => {}
            NextStep::SendClaim { claim_id, offer } => {
                if let Some(live) = self.agents[agent].live.get_mut(&key) {
                    live.asked = true;
                    live.first_sent.get_or_insert(now);
                    live.last_sent = Some(now);
                }
                self.trace.say(|| format!("agent {agent} claims {key:?}"));
                self.publish(Queue::Claims, Message::Claim { claim_id, key, offer, agent, incarnation });
            }
            NextStep::JournalStart => {
                if let Some(entry) = self.agents[agent].journal.get_mut(&key) {
                    entry.state = State::Starting;
                }
                self.trace.say(|| format!("agent {agent} journals the start of {key:?}"));
            }
            NextStep::Execute if self.fault(3) => self.refuse(agent, key),
            NextStep::Execute => self.execute(agent, key),
            NextStep::End(outcome) => self.end(agent, key, outcome),
            NextStep::SendResult(outcome) => {
                if let Some(live) = self.agents[agent].live.get_mut(&key) {
                    live.last_sent = Some(now);
                }
                self.trace.say(|| format!("agent {agent} reports {outcome:?} of {key:?}"));
                let aside = self.agents[agent].aside(key);
                self.publish(Queue::Reports, Message::Result { key, agent, outcome, aside });
            }
        }
    }

    pub(super) fn execute(&mut self, agent: usize, key: Key) {
        if let Some(live) = self.agents[agent].live.get_mut(&key) {
            live.executed = true;
        }
        let takes = Duration::from_millis(self.rng.u64(..u64::try_from(RUN_WITHIN.as_millis()).unwrap_or(u64::MAX)));
        self.trace.say(|| format!("agent {agent} EXECUTES {key:?} for {takes:?}"));
        self.processes.push(Process { key, agent, ends_at: self.now + takes });
        *self.executions.entry(key).or_default() += 1;
        self.publish(Queue::Reports, Message::Started { key, agent });
    }

    /// Somebody has changed a variable of the host since the preview: nothing is run.
    pub(super) fn refuse(&mut self, agent: usize, key: Key) {
        self.trace.say(|| format!("agent {agent} refuses {key:?}: its host is not as it was previewed"));
        self.agents[agent].say_aside(key, Aside::Refused);
        self.end(agent, key, Outcome::Failed);
    }

    /// What is stopped does not always end whole.
    pub(super) fn leave_something(&mut self, agent: usize, key: Key) {
        if self.fault(3) {
            self.trace.say(|| format!("something of {key:?} may still run on its host"));
            self.agents[agent].say_aside(key, Aside::LeftRunning);
        }
    }

    /// The agent's word, on its disk.
    pub(super) fn end(&mut self, agent: usize, key: Key, outcome: Outcome) {
        self.trace.say(|| format!("agent {agent} journals {outcome:?} of {key:?}"));
        self.agents[agent].end(key, outcome);
        self.journalled(agent, key, outcome);
    }

    /// An attempt that left the journal may come once more and get another word, which then counts for nothing.
    pub(super) fn journalled(&mut self, agent: usize, key: Key, outcome: Outcome) {
        let (said, exists) = self.truth.entry((key, agent)).or_default();
        said.push(outcome);
        *exists = true;
    }

    /// Runs that are over. Only an agent that lives sees how they ended.
    pub(super) fn end_processes(&mut self) {
        let (over, alive): (Vec<Process>, Vec<Process>) =
            std::mem::take(&mut self.processes).into_iter().partition(|process| process.ends_at <= self.now);
        self.processes = alive;
        for Process { key, agent, .. } in over {
            let sees = self.agents[agent].up && self.agents[agent].live.get(&key).is_some_and(|live| live.executed);
            if sees {
                let outcome = if self.rng.u8(..5) == 0 { Outcome::Failed } else { Outcome::Succeeded };
                self.end(agent, key, outcome);
            }
        }
    }

    pub(super) fn beat(&mut self, agent: usize) {
        if self.agents[agent].up {
            let (incarnation, running) = (self.agents[agent].incarnation, self.agents[agent].running());
            self.publish(Queue::Reports, Message::Heartbeat { agent, incarnation, running });
        }
    }

    pub(super) fn kill_agent(&mut self, agent: usize, with_disk: bool) {
        let incarnation = self.agents[agent].incarnation;
        self.agents[agent].crash();
        self.network.give_back(Party::Agent(agent));
        self.network.remove(Queue::Control(agent, incarnation));
        if with_disk {
            self.agents[agent].journal.clear();
            for ((_, of), (_, exists)) in &mut self.truth {
                *exists &= *of != agent;
            }
        }
    }

    /// What a predecessor left running is stopped before anything is said of it.
    pub(super) fn start_agent(&mut self, agent: usize) {
        for (key, recovered) in self.agents[agent].start() {
            if recovered == Recovered::Interrupted {
                self.processes.retain(|process| process.key != key || process.agent != agent);
                self.leave_something(agent, key);
            }
            if let Some(outcome) = self.agents[agent].journal.get(&key).and_then(|entry| entry.result) {
                self.journalled(agent, key, outcome);
            }
        }
        self.say_hello(agent);
    }

    pub(super) fn say_hello(&mut self, agent: usize) {
        let (incarnation, unfinished) = (self.agents[agent].incarnation, self.agents[agent].unfinished());
        self.trace.say(|| format!("agent {agent} says hello ({incarnation}) with {unfinished:?}"));
        self.publish(Queue::Claims, Message::Hello { agent, incarnation, unfinished });
    }
}

//! One schedule: parties that take steps in an order, with faults, and at a time that the seed decides; then a quiet phase in
//! which everything has to come to an end or to an explained wait.

use std::collections::BTreeMap;
use std::time::Duration;

use chiffon_agents::worker::machine::{Recovered, State};
use chiffon_orchestrator::domain::request::Status;
use chiffon_orchestrator::domain::task::{Decision as Resolution, Limits, Task};
use chiffon_protocol::action::Repeatable;
use chiffon_protocol::message::Outcome;
use fastrand::Rng;
use uuid::Uuid;

use crate::agent::{Agent, AnswerTaken, NextStep};
use crate::bug::Bug;
use crate::invariants::{self, Violation};
use crate::network::{Key, Message, Network, Party, Queue};
use crate::orchestrator::{AGENT_LEASE, Desk, Memory, OUTBOX_LEASE, Orchestrator, RUN_WITHIN};
use crate::records::Records;
use crate::trace::Trace;

const ORCHESTRATORS: usize = 2;
const AGENTS: usize = 2;
const HOSTS: usize = 2;
/// Rounds of the quiet phase after which what has not settled is stuck.
const QUIET_ROUNDS: usize = 600;

/// A run's processes on a host. They outlive the agent that started them.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) key: Key,
    pub(crate) agent: usize,
    pub(crate) ends_at: Duration,
}

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) now: Duration,
    pub(crate) records: Records,
    pub(crate) orchestrators: Vec<Orchestrator>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) network: Network,
    pub(crate) processes: Vec<Process>,
    /// How often each attempt was executed, and by whom last.
    pub(crate) executions: BTreeMap<Key, u32>,
    /// What each agent's journal has said of an attempt that ended, and whether that journal still exists.
    pub(crate) truth: BTreeMap<(Key, usize), (Vec<Outcome>, bool)>,
    pub(crate) bug: Option<Bug>,
    pub(crate) trace: Trace,
    pub(crate) faults: u32,
    plan: Vec<(usize, Option<usize>, Repeatable)>,
    limits: Limits,
    /// Since when heartbeats could be heard without a break.
    heard_since: Duration,
    calm: bool,
    ids: u128,
}

/// What a schedule came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finished {
    /// Steps taken.
    pub steps: u64,
    /// Faults injected.
    pub faults: u32,
    /// Executions of attempts.
    pub executions: u32,
    /// Whether the request ended, rather than waiting for a person.
    pub ended: bool,
}

impl World {
    pub(crate) fn new(seed: u64, bug: Option<Bug>, trace: Trace) -> Self {
        let mut rng = Rng::with_seed(seed);
        let repeatable = [Repeatable::Yes, Repeatable::CheckFirst, Repeatable::No];
        let first = (rng.usize(..HOSTS), None, repeatable[rng.usize(..3)]);
        let second = (rng.usize(..HOSTS), rng.bool().then_some(0), repeatable[rng.usize(..3)]);
        let plan = if rng.u8(..3) == 0 { vec![first] } else { vec![first, second] };
        let approvals = 1 + rng.usize(..2);
        Self {
            records: Records::new(AGENTS, approvals, seed.is_multiple_of(64)),
            orchestrators: (0..ORCHESTRATORS).map(|_| Orchestrator { up: true, stopped: false, memory: Memory::default() }).collect(),
            agents: (0..AGENTS).map(Agent::new).collect(),
            network: Network::default(),
            processes: Vec::new(),
            executions: BTreeMap::new(),
            truth: BTreeMap::new(),
            now: Duration::from_secs(100),
            heard_since: Duration::from_secs(100),
            limits: Limits { first_delay: Duration::from_secs(2), ..Limits::default() },
            calm: false,
            faults: 0,
            ids: 0,
            rng,
            bug,
            trace,
            plan,
        }
    }

    /// Plays the schedule.
    pub(crate) fn play(&mut self) -> Result<Finished, Violation> {
        for agent in 0..AGENTS {
            self.start_agent(agent);
        }
        let mut steps = 0;
        self.calm = true;
        if self.rng.u8(..8) != 0 {
            self.approve_at_once();
        }
        self.calm = false;
        for _ in 0..200 + self.rng.usize(..400) {
            self.wild_step();
            steps += 1;
            invariants::after_each_step(self)?;
        }
        self.calm_down();
        for _ in 0..QUIET_ROUNDS {
            steps += 1;
            self.quiet_round();
            invariants::after_each_step(self)?;
            if invariants::has_settled(self) {
                invariants::at_the_end(self)?;
                let executions = self.executions.values().sum();
                return Ok(Finished { steps, faults: self.faults, executions, ended: self.records.request.status.is_finished() });
            }
        }
        Err(Violation::new(
            "everything settles once faults stop",
            format!("{:?} after {QUIET_ROUNDS} quiet rounds", invariants::unsettled(self)),
        ))
    }

    /// Whether that happens which does once in `of` times, while faults do.
    fn fault(&mut self, of: u32) -> bool {
        let happens = !self.calm && self.rng.u32(..of) == 0;
        self.faults += u32::from(happens);
        happens
    }

    fn publish(&mut self, queue: Queue, message: Message) {
        if let Queue::Control(agent, incarnation) = queue
            && (!self.agents[agent].up || self.agents[agent].incarnation != incarnation)
        {
            self.trace.say(|| format!("  nobody listens on {queue:?}: {message:?}"));
            return;
        }
        if self.fault(40) {
            self.trace.say(|| format!("  LOST {message:?}"));
            return;
        }
        if self.fault(25) {
            self.trace.say(|| format!("  DOUBLED {message:?}"));
            self.network.put(queue, message.clone());
        }
        self.network.put(queue, message);
    }

    // --- steps

    fn wild_step(&mut self) {
        self.now += Duration::from_millis(self.rng.u64(..400));
        if self.rng.u8(..60) == 0 {
            self.now += Duration::from_secs(self.rng.u64(1..15));
        }
        self.end_processes();
        let who = self.rng.usize(..ORCHESTRATORS);
        let agent = self.rng.usize(..AGENTS);
        match self.rng.u8(..100) {
            0..25 => self.deliver_to_orchestrator(who),
            25..40 => self.tick_orchestrator(who),
            40..58 => self.deliver_to_agent(agent),
            58..76 => self.advance_agent(agent),
            76..84 => self.beat(agent),
            84..93 => self.person_acts(),
            _ => self.something_breaks(who, agent),
        }
    }

    fn quiet_round(&mut self) {
        self.now += Duration::from_millis(400);
        self.end_processes();
        for who in 0..ORCHESTRATORS {
            self.tick_all(who);
        }
        for agent in 0..AGENTS {
            self.beat(agent);
        }
        while self.network.count(is_for_orchestrators) > 0 {
            self.deliver_to_orchestrator(0);
        }
        for agent in 0..AGENTS {
            for _ in 0..self.network.count(|queue| is_for_agent(queue, agent)) {
                self.deliver_to_agent(agent);
            }
            let keys: Vec<Key> = self.agents[agent].live.keys().copied().collect();
            for key in keys {
                self.advance(agent, key);
            }
        }
    }

    fn calm_down(&mut self) {
        self.calm = true;
        self.trace.say(|| "--- faults stop".to_owned());
        for orchestrator in &mut self.orchestrators {
            orchestrator.stopped = false;
            orchestrator.up = true;
        }
        for agent in 0..AGENTS {
            // Some never come back: what they had must not hang for that.
            if !self.agents[agent].up && self.rng.u8(..6) != 0 {
                self.start_agent(agent);
            }
        }
    }

    // --- orchestrators

    fn works(&self, who: usize) -> bool {
        self.orchestrators[who].up && !self.orchestrators[who].stopped
    }

    fn deliver_to_orchestrator(&mut self, who: usize) {
        let waiting = self.network.count(is_for_orchestrators);
        if !self.works(who) || waiting == 0 {
            return;
        }
        let nth = self.rng.usize(..waiting);
        let Some(parcel) = self.network.deliver(Party::Orchestrator(who), nth, is_for_orchestrators) else { return };
        if self.fault(80) {
            self.trace.say(|| format!("orchestrator {who} dies before it commits {:?}", parcel.message));
            return self.kill_orchestrator(who);
        }
        self.trace.say(|| format!("orchestrator {who} takes in {:?}", parcel.message));
        let mut memory = std::mem::take(&mut self.orchestrators[who].memory);
        let replies = Desk { records: &mut self.records, now: self.now, bug: self.bug }.receive(&parcel.message, &mut memory);
        self.orchestrators[who].memory = memory;
        if self.fault(80) {
            self.trace.say(|| format!("orchestrator {who} dies after the commit, before it answers"));
            return self.kill_orchestrator(who);
        }
        for (queue, message) in replies {
            self.publish(queue, message);
        }
        if self.fault(80) {
            self.trace.say(|| format!("orchestrator {who} dies before it acknowledges"));
            return self.kill_orchestrator(who);
        }
        self.network.settle(parcel.id);
    }

    fn tick_orchestrator(&mut self, who: usize) {
        let tick = self.rng.u8(..9);
        self.tick(who, tick);
    }

    fn tick_all(&mut self, who: usize) {
        for tick in 0..9 {
            self.tick(who, tick);
        }
    }

    fn tick(&mut self, who: usize, tick: u8) {
        if !self.works(who) {
            return;
        }
        let heard = self.now.saturating_sub(self.heard_since) > AGENT_LEASE;
        let mut memory = std::mem::take(&mut self.orchestrators[who].memory);
        let mut desk = Desk { records: &mut self.records, now: self.now, bug: self.bug };
        match tick {
            0 => desk.announce_again(),
            1 => desk.store_plan(&mut memory),
            2 => desk.dispatch(),
            3 => desk.take_back_unclaimed(),
            4 if heard => desk.look_for_silence(who, &mut memory),
            5 if heard => desk.mark_silent(&mut memory),
            6 => desk.try_again(&self.limits),
            7 => self.relay(who, &mut memory),
            8 => {
                let published = std::mem::take(&mut memory.published);
                self.records.outbox.retain(|row| !published.contains(&row.id));
            }
            _ => {}
        }
        self.orchestrators[who].memory = memory;
    }

    /// Leases outbox rows and publishes them; they are deleted in another transaction.
    fn relay(&mut self, who: usize, memory: &mut Memory) {
        let (now, mut out) = (self.now, Vec::new());
        for row in self.records.outbox.iter_mut().filter(|row| row.leased_until <= now) {
            row.leased_until = now + OUTBOX_LEASE;
            out.push(row.clone());
        }
        for row in out {
            self.trace.say(|| format!("orchestrator {who} publishes {:?}", row.message));
            self.publish(row.queue, row.message);
            memory.published.push(row.id);
        }
    }

    fn kill_orchestrator(&mut self, who: usize) {
        self.orchestrators[who] = Orchestrator { up: false, stopped: false, memory: Memory::default() };
        self.network.give_back(Party::Orchestrator(who));
    }

    // --- agents

    fn deliver_to_agent(&mut self, agent: usize) {
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
            Message::Cancel { task } => self.cancel_heard(agent, task),
            Message::HelloWanted => self.say_hello(agent),
            _ => {}
        }
        self.network.settle(parcel.id);
    }

    fn work_arrives(&mut self, agent: usize, key: Key, offer: i32, delivery: u64) {
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

    fn cancel_heard(&mut self, agent: usize, task: usize) {
        for (key, live) in &mut self.agents[agent].live {
            live.cancelled |= key.0 == task;
        }
        let stopped: Vec<Key> =
            self.processes.iter().filter(|process| process.agent == agent && process.key.0 == task).map(|process| process.key).collect();
        for key in stopped {
            self.processes.retain(|process| process.key != key);
            self.end(agent, key, Outcome::Cancelled);
        }
    }

    fn advance_agent(&mut self, agent: usize) {
        let live = self.agents[agent].live.len();
        if live > 0
            && let Some(key) = self.agents[agent].live.keys().nth(self.rng.usize(..live)).copied()
        {
            self.advance(agent, key);
        }
    }

    fn advance(&mut self, agent: usize, key: Key) {
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
            NextStep::Execute => self.execute(agent, key),
            NextStep::End(outcome) => self.end(agent, key, outcome),
            NextStep::SendResult(outcome) => {
                if let Some(live) = self.agents[agent].live.get_mut(&key) {
                    live.last_sent = Some(now);
                }
                self.trace.say(|| format!("agent {agent} reports {outcome:?} of {key:?}"));
                self.publish(Queue::Reports, Message::Result { key, agent, outcome });
            }
        }
    }

    fn execute(&mut self, agent: usize, key: Key) {
        if let Some(live) = self.agents[agent].live.get_mut(&key) {
            live.executed = true;
        }
        let takes = Duration::from_millis(self.rng.u64(..u64::try_from(RUN_WITHIN.as_millis()).unwrap_or(u64::MAX)));
        self.trace.say(|| format!("agent {agent} EXECUTES {key:?} for {takes:?}"));
        self.processes.push(Process { key, agent, ends_at: self.now + takes });
        *self.executions.entry(key).or_default() += 1;
        self.publish(Queue::Reports, Message::Started { key, agent });
    }

    /// The agent's word, on its disk.
    fn end(&mut self, agent: usize, key: Key, outcome: Outcome) {
        self.trace.say(|| format!("agent {agent} journals {outcome:?} of {key:?}"));
        self.agents[agent].end(key, outcome);
        self.journalled(agent, key, outcome);
    }

    /// An attempt that left the journal may come once more and get another word, which then counts for nothing.
    fn journalled(&mut self, agent: usize, key: Key, outcome: Outcome) {
        let (said, exists) = self.truth.entry((key, agent)).or_default();
        said.push(outcome);
        *exists = true;
    }

    /// Runs that are over. Only an agent that lives sees how they ended.
    fn end_processes(&mut self) {
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

    fn beat(&mut self, agent: usize) {
        if self.agents[agent].up {
            let (incarnation, running) = (self.agents[agent].incarnation, self.agents[agent].running());
            self.publish(Queue::Reports, Message::Heartbeat { agent, incarnation, running });
        }
    }

    fn kill_agent(&mut self, agent: usize, with_disk: bool) {
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
    fn start_agent(&mut self, agent: usize) {
        for (key, recovered) in self.agents[agent].start() {
            if recovered == Recovered::Interrupted {
                self.processes.retain(|process| process.key != key || process.agent != agent);
            }
            if let Some(outcome) = self.agents[agent].journal.get(&key).and_then(|entry| entry.result) {
                self.journalled(agent, key, outcome);
            }
        }
        self.say_hello(agent);
    }

    fn say_hello(&mut self, agent: usize) {
        let (incarnation, unfinished) = (self.agents[agent].incarnation, self.agents[agent].unfinished());
        self.trace.say(|| format!("agent {agent} says hello ({incarnation}) with {unfinished:?}"));
        self.publish(Queue::Claims, Message::Hello { agent, incarnation, unfinished });
    }

    // --- people and faults

    /// Most schedules begin with an approved plan: what comes before it has fewer ways to go wrong.
    fn approve_at_once(&mut self) {
        let plan = std::mem::take(&mut self.plan);
        let (round, epoch) = (self.records.request.round, 1);
        self.records.request.planning_epoch = epoch;
        let mut memory = Memory { planning: Some((round, epoch)), ..Memory::default() };
        let mut desk = Desk { records: &mut self.records, now: self.now, bug: self.bug };
        desk.store_plan(&mut memory);
        for person in 0..3 {
            if desk.approve(person, 1, &plan) {
                self.trace.say(|| format!("person {person} approves revision 1: it runs"));
                break;
            }
        }
        self.plan = plan;
    }

    fn person_acts(&mut self) {
        let person = self.rng.u32(..3);
        let revision = self.records.request.revision;
        let seen = if self.rng.u8(..8) == 0 { revision.saturating_sub(1) } else { revision };
        let choice = self.rng.u8(..100);
        let not_running = self.rng.bool();
        let decision = Resolution::ALL[self.rng.usize(..3)];
        let task = self.rng.usize(..2) + self.records.tasks.len().saturating_sub(2);
        let still_runs = self.processes.iter().any(|process| process.key.0 == task);
        let mut desk = Desk { records: &mut self.records, now: self.now, bug: self.bug };
        match choice {
            0..50 => {
                if desk.approve(person, seen, &self.plan) {
                    self.trace.say(|| format!("person {person} approves revision {seen}: it runs"));
                }
            }
            50..56 => desk.revise(),
            56 => desk.cancel(),
            57..60 => desk.hold(true),
            60..80 => desk.hold(false),
            // A person may be wrong about what runs, and sometimes is.
            _ => {
                if desk.resolve(task, decision, not_running && (!still_runs || choice == 99)) {
                    self.trace.say(|| format!("person {person} resolves task {task}: {decision:?}"));
                }
            }
        }
    }

    fn something_breaks(&mut self, who: usize, agent: usize) {
        self.faults += 1;
        match self.rng.u8(..12) {
            0 => self.kill_orchestrator(who),
            1 | 2 => self.orchestrators[who].up = true,
            3 => self.orchestrators[who].stopped ^= true,
            4 | 5 => {
                let with_disk = self.rng.u8(..20) == 0;
                self.trace.say(|| format!("agent {agent} is killed{}", if with_disk { ", its disk is lost" } else { "" }));
                self.kill_agent(agent, with_disk);
            }
            6..=8 if !self.agents[agent].up => self.start_agent(agent),
            9 => self.broker_restarts(),
            10 => {
                let waiting = self.network.len();
                if waiting > 0
                    && let Some(lost) = self.network.lose(self.rng.usize(..waiting))
                {
                    self.trace.say(|| format!("the broker loses {:?}", lost.message));
                }
            }
            _ => {}
        }
    }

    fn broker_restarts(&mut self) {
        self.trace.say(|| "the broker restarts".to_owned());
        self.heard_since = self.now;
        for who in 0..ORCHESTRATORS {
            self.network.give_back(Party::Orchestrator(who));
        }
        for agent in 0..AGENTS {
            // Its unsettled deliveries come again; it does not forget what it asked.
            self.network.give_back(Party::Agent(agent));
        }
    }

    /// Whether a task can still be decided about or moves by itself.
    pub(crate) fn is_explained_wait(&self) -> bool {
        let any_alive = self.agents.iter().any(|agent| agent.up);
        match self.records.request.status {
            Status::AwaitingApproval | Status::NeedsInput | Status::Paused => true,
            Status::NeedsAttention => self.records.tasks.iter().any(|row| matches!(row.state, Task::Unknown(_) | Task::Interrupted { .. })),
            // "No agent is connected", or all have declined.
            Status::Running => {
                let all_excluded = |row: &crate::records::TaskRow| {
                    self.agents.iter().filter(|agent| agent.up).all(|agent| row.excluded.contains(&agent.number))
                };
                self.records.tasks.iter().any(|row| row.state == Task::Waiting && (!any_alive || all_excluded(row)))
                    || self.records.tasks.iter().any(|row| row.state == Task::Pending && !any_alive)
            }
            _ => false,
        }
    }
}

fn is_for_orchestrators(queue: Queue) -> bool {
    matches!(queue, Queue::Requests | Queue::Claims | Queue::Reports)
}

fn is_for_agent(queue: Queue, agent: usize) -> bool {
    match queue {
        Queue::Work => true,
        Queue::Control(of, _) => of == agent,
        Queue::Requests | Queue::Claims | Queue::Reports => false,
    }
}

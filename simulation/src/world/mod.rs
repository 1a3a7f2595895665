//! One schedule: parties that take steps in an order, with faults, and at a time that the seed decides; then a quiet phase in
//! which everything has to come to an end or to an explained wait.

mod agents;
mod orchestrators;
mod people;

use std::collections::BTreeMap;
use std::time::Duration;

use chiffon_engine::domain::task::{Asks, Limits};
use chiffon_plans::domain::asks::OnFailure;
use chiffon_protocol::action::Repeatable;
use chiffon_protocol::message::Outcome;
use fastrand::Rng;

use crate::agent::Agent;
use crate::bug::Bug;
use crate::invariants::{self, Violation};
use crate::network::{Key, Message, Network, Queue};
use crate::orchestrator::{Memory, Orchestrator};
use crate::records::{Records, Step};
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
    plan: Vec<Step>,
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
        let steps = if rng.u8(..3) == 0 { 1 } else { 2 };
        let plan = (0..steps).map(|step| planned(&mut rng, step)).collect();
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
}

/// Half of the steps ask their run nothing.
fn planned(rng: &mut Rng, step: usize) -> Step {
    let after = (step > 0 && rng.bool()).then_some(0);
    let repeatable = [Repeatable::Yes, Repeatable::CheckFirst, Repeatable::No][rng.usize(..3)];
    let plain = rng.bool();
    let mut asked = || !plain && rng.bool();
    let asks = Asks { when: asked() && asked(), on_failure: asked(), retry: asked() };
    Step {
        host: rng.usize(..HOSTS),
        after,
        repeatable,
        asks,
        holds: rng.bool(),
        on_failure: [OnFailure::Abort, OnFailure::Continue, OnFailure::Skip][rng.usize(..3)],
        attempts: rng.u32(2..4),
        grows: !plain && step == 0 && rng.bool(),
    }
}

fn is_for_orchestrators(queue: Queue) -> bool {
    matches!(queue, Queue::Claims | Queue::Reports)
}

fn is_for_agent(queue: Queue, agent: usize) -> bool {
    match queue {
        Queue::Work => true,
        Queue::Control(of, _) => of == agent,
        Queue::Claims | Queue::Reports => false,
    }
}

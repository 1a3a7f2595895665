//! People, and what breaks by itself.

use chiffon_engine::domain::task::{Decision as Resolution, Task};
use chiffon_requests::domain::request::Status;

use super::{AGENTS, HOSTS, ORCHESTRATORS, World};
use crate::network::Party;
use crate::orchestrator::{Desk, Memory};

impl World {
    /// Most schedules begin with an approved plan: what comes before it has fewer ways to go wrong.
    pub(super) fn approve_at_once(&mut self) {
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

    pub(super) fn person_acts(&mut self) {
        let person = self.rng.u32(..3);
        let revision = self.records.request.revision;
        let seen = if self.rng.u8(..8) == 0 { revision.saturating_sub(1) } else { revision };
        let choice = self.rng.u8(..100);
        let not_running = self.rng.bool();
        let decision = Resolution::ALL[self.rng.usize(..3)];
        let of_run = self.records.tasks.len().clamp(1, 3);
        let task = self.rng.usize(..of_run) + self.records.tasks.len().saturating_sub(of_run);
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
            60..76 => desk.hold(false),
            // Another request has changed one of its hosts since.
            76..78 => self.records.request.outdated = self.records.request.status == Status::AwaitingApproval,
            78..80 => {
                if desk.release(task % HOSTS) {
                    self.trace.say(|| format!("person {person} gives host {} back", task % HOSTS));
                }
            }
            // A person may be wrong about what runs, and sometimes is.
            _ => {
                if desk.resolve(task, decision, not_running && (!still_runs || choice == 99)) {
                    self.trace.say(|| format!("person {person} resolves task {task}: {decision:?}"));
                }
            }
        }
    }

    pub(super) fn something_breaks(&mut self, who: usize, agent: usize) {
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

    pub(super) fn broker_restarts(&mut self) {
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
            // "No agent is connected", all have declined, or a host is kept.
            Status::Running => {
                let all_excluded = |row: &crate::records::TaskRow| {
                    self.agents.iter().filter(|agent| agent.up).all(|agent| row.excluded.contains(&agent.number))
                };
                self.records.tasks.iter().any(|row| row.state == Task::Waiting && (!any_alive || all_excluded(row)))
                    || self.records.tasks.iter().any(|row| row.state == Task::Pending && !any_alive)
                    || self
                        .records
                        .tasks
                        .iter()
                        .any(|row| matches!(row.state, Task::Pending | Task::Waiting) && self.records.is_kept(row.host))
            }
            _ => false,
        }
    }
}

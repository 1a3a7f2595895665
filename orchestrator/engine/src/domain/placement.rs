//! Which agent could take a task now, or in exact words what it waits for.
//!
//! Pure: it looks at what agents announced and last reported, minus what is reserved. Two agents of equal fit are not
//! told apart by name but by free memory, so that work spreads. Whether work was approved is not its business.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_fleet::domain::agent_order::Order;
use chiffon_fleet::domain::unverified;
use chiffon_kernel::domain::short_id;
use chiffon_kernel::domain::waiting::{Wait, What};
use chiffon_process::shown;
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{AgentType, Availability, Resources};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::wait_key::{self, Stage};
/// What a task needs of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The kind of agent.
    pub agent_type: AgentType,
    /// The action.
    pub action: String,
    /// Its planned content.
    pub action_sha256: String,
    /// The hosts, canonical names.
    pub hosts: Vec<String>,
    /// Whether it changes them, so that it must have them for itself (RELIABILITY 12).
    pub exclusive: bool,
    /// What it needs while it runs.
    pub resources: Resources,
    /// Agents that declined it.
    pub excluded: BTreeSet<String>,
    /// The last decline in words; empty when there was none.
    pub last_decline: String,
    /// Whether only an agent that signs may do it: a dry run, and whatever was attempted before (RELIABILITY 5).
    pub only_verified: bool,
}

/// An agent as it last reported.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentView {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub agent_type: AgentType,
    /// Its machine.
    pub hostname: String,
    /// The hosts it can reach; its own, where its kind works on that.
    pub hosts: BTreeSet<String>,
    /// Action to content hash.
    pub actions: BTreeMap<String, String>,
    /// Whether it takes work.
    pub availability: Availability,
    /// What a person wants of it, where one ever wanted something.
    pub order: Option<Order>,
    /// Whether its lease holds.
    pub alive: bool,
    /// When it was last heard of.
    pub last_seen_at: DateTime<Utc>,
    /// What was free when it last reported.
    pub free: Free,
    /// What is promised to work it has or may take.
    pub reserved: Resources,
    /// What is stored of it, or of its work, and can't be read: it gets nothing until it can be.
    pub unreadable: Option<String>,
}

/// What a machine had free; `None` is not known, and then not a reason to wait.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Free {
    /// GiB.
    pub memory_gb: Option<f64>,
    /// Logical cores in all.
    pub cpu_cores: Option<f64>,
    /// GiB on the freest GPU; zero without a GPU.
    pub gpu_memory_gb: Option<f64>,
    /// Whether it has a GPU.
    pub has_gpu: Option<bool>,
}

/// Who changes a host at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostLock {
    /// The task.
    pub task_id: Uuid,
    /// What it does.
    pub title: String,
    /// Why the host is reserved although the attempt has ended; `None` while it is changed.
    pub kept: Option<Kept>,
}

/// Why a host is reserved for a task whose attempt has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Since when.
    pub since: DateTime<Utc>,
    /// What may still run there.
    pub what: Vec<String>,
}

impl HostLock {
    fn words(&self, host: &str) -> String {
        let Self { task_id, title, kept } = self;
        match kept {
            None => format!("host {host} is being changed by task {task_id} ({title})"),
            Some(Kept { since, what }) => format!(
                "host {host} is reserved since {} by task {task_id} ({title}), which was stopped, because this may still run there: {}. \
                 Look at it; when nothing of that runs any more: {}",
                shown(*since),
                what.join("; "),
                release_command(host)
            ),
        }
    }
}

/// What a person types to give a reserved host back.
pub fn release_command(host: &str) -> String {
    format!("chiffon release {host} --comment \"how you know\"")
}

/// The reason with the way out where only a person has one.
pub fn advised(why: Wait, request_id: Uuid) -> Wait {
    if why.what != What::Action {
        return why;
    }
    let id = short_id::short(request_id);
    let text = format!("{}; give it the planned version, or end the request (`chiffon cancel {id}`) and ask again", why.text);
    Wait { text, ..why }
}

/// Where a task can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// To this agent, or on its kind's queue to any like it.
    Fit {
        /// The agent.
        agent_id: String,
        /// Its machine.
        hostname: String,
    },
    /// Nowhere yet.
    Wait {
        /// What it waits for, in words that may change by the minute.
        why: Wait,
        /// The same as a key that all have in common that wait for it.
        key: String,
    },
}

/// Looks for an agent. `locks` names who changes which host.
pub fn place(wanted: &Wanted, agents: &[AgentView], locks: &BTreeMap<String, HostLock>, now: DateTime<Utc>) -> Placement {
    match choose(wanted, agents, locks, now) {
        Ok(agent) => Placement::Fit { agent_id: agent.id.clone(), hostname: agent.hostname.clone() },
        Err((why, key)) => Placement::Wait { why, key },
    }
}

fn choose<'a>(
    wanted: &Wanted,
    agents: &'a [AgentView],
    locks: &BTreeMap<String, HostLock>,
    now: DateTime<Utc>,
) -> Result<&'a AgentView, (Wait, String)> {
    let kind = wanted.agent_type.as_str();
    let of_kind: Vec<&AgentView> = agents.iter().filter(|agent| agent.agent_type == wanted.agent_type).collect();
    let at = |stage: Stage, wait: Wait| (wait, stage.key(wanted));
    let alive = narrowed(&of_kind, |agent| agent.alive, || at(Stage::Kind, Wait::new(What::Agent, nobody_connected(kind, &of_kind, now))))?;
    let unreached = || {
        let left_out = alive.iter().filter_map(|agent| Some(format!("; {} {}", agent.id, left_alone(agent)?)));
        let left_out = left_out.collect::<String>();
        Wait::new(What::Agent, format!("no connected {kind} agent has {} in its inventory{left_out}", listed(&wanted.hosts)))
    };
    let reaching = narrowed(&alive, |agent| reaches(agent, wanted), || at(Stage::Hosts, unreached()))?;
    let knowing = narrowed(
        &reaching,
        |agent| agent.actions.get(&wanted.action) == Some(&wanted.action_sha256),
        || at(Stage::Action, Wait::new(What::Action, not_announced(wanted, &reaching))),
    )?;
    let declined = || Wait::new(What::Agent, format!("every connected agent that could take it has declined: {}", wanted.last_decline));
    let willing = narrowed(&knowing, |agent| !wanted.excluded.contains(&agent.id), || at(Stage::Willing, declined()))?;
    let unsigned = || {
        let words = "only agents that do not sign could take it, and those get nothing but a first attempt";
        Wait::new(What::Agent, format!("{words}: {}", named(&willing)))
    };
    let willing = narrowed(&willing, |agent| !wanted.only_verified || !unverified::is_one(&agent.id), || at(Stage::Willing, unsigned()))?;
    let taking = narrowed(
        &willing,
        |agent| takes_work(agent, &wanted.resources),
        || at(Stage::Taking, Wait::new(What::Agent, unavailable(&willing))),
    )?;
    if let Some((host, lock)) = wanted.hosts.iter().filter(|_| wanted.exclusive).find_map(|host| Some((host, locks.get(host)?))) {
        let key = if lock.kept.is_some() { wait_key::kept(host) } else { wait_key::host(host) };
        return Err((Wait::new(What::Host, lock.words(host)), key));
    }
    let fitting = narrowed(
        &taking,
        |agent| shortage(agent, &wanted.resources).is_none(),
        || at(Stage::Room, Wait::new(What::Resources, shortages(&taking, &wanted.resources))),
    )?;
    let most_free = |agent: &&AgentView| agent.free.memory_gb.unwrap_or(0.0) - agent.reserved.memory_gb;
    fitting
        .into_iter()
        .max_by(|one, other| most_free(one).total_cmp(&most_free(other)).then_with(|| other.id.cmp(&one.id)))
        .ok_or_else(|| at(Stage::Kind, Wait::new(What::Agent, nobody_connected(kind, &of_kind, now))))
}

fn narrowed<'a>(
    agents: &[&'a AgentView],
    keep: impl Fn(&AgentView) -> bool,
    otherwise: impl FnOnce() -> (Wait, String),
) -> Result<Vec<&'a AgentView>, (Wait, String)> {
    let kept: Vec<&AgentView> = agents.iter().copied().filter(|agent| keep(agent)).collect();
    if kept.is_empty() { Err(otherwise()) } else { Ok(kept) }
}

fn reaches(agent: &AgentView, wanted: &Wanted) -> bool {
    wanted.hosts.iter().all(|host| agent.hosts.contains(host))
}

/// Why this agent could not take work with these needs at this moment; `None` when it could.
pub fn refusal(agent: &AgentView, needs: &Resources) -> Option<String> {
    if !agent.alive {
        return Some(format!("{} is not connected", agent.id));
    }
    if takes_work(agent, needs) { shortage(agent, needs) } else { Some(unavailable(&[agent])) }
}

/// A machine in use still takes what needs no GPU; one that its owner has paused takes nothing.
fn takes_work(agent: &AgentView, resources: &Resources) -> bool {
    if ordered(agent).is_some() || agent.unreadable.is_some() {
        return false;
    }
    match agent.availability {
        Availability::Available => true,
        Availability::Busy => !resources.gpu,
        Availability::Paused => false,
    }
}

/// Why it takes no work by a person's order.
fn ordered(agent: &AgentView) -> Option<String> {
    agent.order.as_ref().and_then(Order::words)
}

/// Why it gets no work because of what is stored.
fn left_alone(agent: &AgentView) -> Option<String> {
    let what = agent.unreadable.as_ref()?;
    Some(format!("gets no work, because what is stored can't be read ({}): {what}", ErrorCode::StoredDataUnreadable))
}

fn nobody_connected(kind: &str, of_kind: &[&AgentView], now: DateTime<Utc>) -> String {
    match of_kind.iter().map(|agent| agent.last_seen_at).max() {
        Some(last) => format!("no {kind} agent is connected; the last was seen {}", ago(now - last)),
        None => format!("no {kind} agent is connected, and none ever was; start one with `chiffon agent {kind}`"),
    }
}

fn not_announced(wanted: &Wanted, agents: &[&AgentView]) -> String {
    let other = agents.iter().find(|agent| agent.actions.contains_key(&wanted.action));
    match other {
        Some(agent) => format!("{} has another version of the action {} than the one that was planned", agent.id, wanted.action),
        None => format!("no connected agent that reaches {} has the action {}", listed(&wanted.hosts), wanted.action),
    }
}

fn unavailable(agents: &[&AgentView]) -> String {
    let words: Vec<String> = agents
        .iter()
        .map(|agent| match (ordered(agent).or_else(|| left_alone(agent)), agent.availability) {
            (Some(words), _) => format!("{} {words}", agent.id),
            (None, Availability::Available) => format!("{} is available", agent.id),
            (None, Availability::Busy) => format!("{} is in use by its owner", agent.id),
            (None, Availability::Paused) => format!("{} is paused", agent.id),
        })
        .collect();
    words.join("; ")
}

fn shortages(agents: &[&AgentView], needs: &Resources) -> String {
    let words: Vec<String> = agents.iter().filter_map(|agent| shortage(agent, needs)).collect();
    words.join("; ")
}

/// What this agent lacks, in words; `None` when it has enough or has not said.
fn shortage(agent: &AgentView, needs: &Resources) -> Option<String> {
    let Free { memory_gb, cpu_cores, gpu_memory_gb, has_gpu } = agent.free;
    let lacks = |free: Option<f64>, reserved: f64, needed: f64| {
        free.map(|free| (free - reserved).max(0.0)).filter(|left| needed > 0.0 && *left < needed)
    };
    if (needs.gpu || needs.gpu_memory_gb > 0.0) && has_gpu == Some(false) {
        return Some(format!("gpu: {} has none", agent.id));
    }
    if let Some(left) = lacks(memory_gb, agent.reserved.memory_gb, needs.memory_gb) {
        return Some(format!("memory: needs {} GiB, {} has {} GiB free", short(needs.memory_gb), agent.id, short(left)));
    }
    if let Some(left) = lacks(gpu_memory_gb, agent.reserved.gpu_memory_gb, needs.gpu_memory_gb) {
        return Some(format!("gpu memory: needs {} GiB, {} has {} GiB free", short(needs.gpu_memory_gb), agent.id, short(left)));
    }
    lacks(cpu_cores, agent.reserved.cpu_cores, needs.cpu_cores)
        .map(|left| format!("cores: needs {}, {} has {} free", short(needs.cpu_cores), agent.id, short(left)))
}

fn named(agents: &[&AgentView]) -> String {
    agents.iter().map(|agent| agent.id.as_str()).collect::<Vec<_>>().join(", ")
}

fn short(number: f64) -> String {
    let rounded = (number * 10.0).round() / 10.0;
    if rounded.fract() == 0.0 { format!("{rounded:.0}") } else { format!("{rounded:.1}") }
}

fn listed(hosts: &[String]) -> String {
    match hosts {
        [] => "the wanted host".to_owned(),
        [host] => format!("host {host}"),
        several => format!("the hosts {}", several.join(", ")),
    }
}

/// How long ago, in steps that grow, so that a stored reason does not change every second.
fn ago(elapsed: TimeDelta) -> String {
    let minutes = elapsed.num_minutes();
    match minutes {
        ..1 => "less than a minute ago".to_owned(),
        1..60 => {
            let step = [30, 15, 10, 5, 2, 1].into_iter().find(|step| *step <= minutes).unwrap_or(1);
            format!("more than {step} min ago")
        }
        60..2_880 => format!("{} h ago", minutes / 60),
        2_880.. => format!("{} days ago", minutes / 1_440),
    }
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;

//! What a kind of agent has to say and do. It never sees the bus, a signature or the journal.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chiffon_protocol::kind::Kind;
use chiffon_protocol::message::{AnnouncedAction, Availability, HostResult, NotOffered, Preview, ResourceUsage, Variables, WorkRequest};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Map, Value};

use super::background::Jobs;
use super::marker;
use super::run_context::RunContext;

/// Why an agent does not take work that was offered to it. The task waits for another agent and shows the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Decline(pub String);

impl Decline {
    /// A decline with its reason, for people.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// How a run ended. The author of the run says what failure means.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// All of it was done.
    Succeeded,
    /// It failed; where, and what to do next.
    Failed(Problem),
    /// It was stopped through [`RunContext::cancel`]; what had been done by then.
    Cancelled(Problem),
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOutcome {
    /// How it ended.
    pub ending: Ending,
    /// A summary for people; the log has the rest.
    pub output: String,
    /// The exit code of what was run, where something was.
    pub exit_code: Option<i32>,
    /// Whether a host was changed (in check mode: would be).
    pub changed: bool,
    /// What it came to on each host.
    pub hosts: Vec<HostResult>,
    /// The action's outputs.
    pub outputs: Map<String, Value>,
    /// What it has cost.
    pub usage: ResourceUsage,
    /// What a person should know although it succeeded.
    pub warnings: Vec<String>,
    /// In check mode: what would change.
    pub preview: Option<Preview>,
    /// In check mode: the host variables that it was made with.
    pub variables: Option<Variables>,
}

impl RunOutcome {
    /// An outcome with nothing but its ending and a summary.
    pub fn new(ending: Ending, output: impl Into<String>) -> Self {
        Self {
            ending,
            output: output.into(),
            exit_code: None,
            changed: false,
            hosts: Vec::new(),
            outputs: Map::new(),
            usage: ResourceUsage::default(),
            warnings: Vec::new(),
            preview: None,
            variables: None,
        }
    }

    /// A success with a summary.
    pub fn succeeded(output: impl Into<String>) -> Self {
        Self::new(Ending::Succeeded, output)
    }

    /// A failure; its message is also the summary.
    pub fn failed(problem: Problem) -> Self {
        let output = problem.message.clone();
        Self::new(Ending::Failed(problem), output)
    }

    /// A failure of our own making.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::failed(Problem::new(ErrorCode::Internal, message))
    }
}

/// A kind of agent.
#[async_trait]
pub trait AgentKind: Send + Sync + std::fmt::Debug + 'static {
    /// Its row in the table of kinds: which work it takes, from which queue, how much at once.
    fn entry(&self) -> &Kind;

    /// What it can do now, as it is announced.
    fn catalogue(&self) -> Vec<AnnouncedAction>;

    /// The actions that it has and leaves out of the catalogue, with the reason.
    fn not_offered(&self) -> Vec<NotOffered> {
        Vec::new()
    }

    /// The hosts it reaches: name of each group with its hosts; every host also under `all`.
    fn hosts(&self) -> BTreeMap<String, Vec<String>>;

    /// Words for people and for placement.
    fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// What it had to leave out beside those actions, and why. For people.
    fn problems(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it takes work at this moment; while it does not, it neither consumes nor claims.
    fn availability(&self) -> Availability {
        Availability::Available
    }

    /// Looks again at what it announces. `true` when that changed, so that the worker says hello again.
    async fn refresh(&self) -> bool {
        false
    }

    /// Whether this work can be done here: the action and its content hash, the hosts, the parameters.
    fn accepts(&self, work: &WorkRequest) -> Result<(), Decline>;

    /// Does it. Whatever it starts must carry `context.marker` in the variable [`marker::VARIABLE`] before it executes.
    async fn run(&self, work: &WorkRequest, context: RunContext) -> RunOutcome;

    /// Stops what a killed predecessor left running under this marker and waits until it is gone; how many processes it were.
    async fn find_and_stop_leftovers(&self, marker: &str) -> usize {
        marker::stop_all(marker).await
    }

    /// Ends what a run whose agent was killed has left on its hosts, where no signal of this machine reaches it; the hosts on which
    /// something may still run.
    async fn end_on_hosts(&self, _work: &WorkRequest, _marker: &str, jobs: &Jobs) -> BTreeSet<String> {
        jobs.keys().cloned().collect()
    }
}

//! What the use cases about requests work with: the engine's, who plans, and what a plan needs.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use chiffon_engine::verbs as engine;
use chiffon_planning::planner::Planner;
use chiffon_plans::domain::policy::Policy;

use super::approve::Approvals;
use super::open_requests::{KnownRoom, OpenRequestLimits};
use crate::domain::deadline::Deadlines;

/// Times and limits of requests, from configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Those of their work.
    pub engine: engine::Settings,
    /// After this, a round that waits for an agent, or for a planner that is not busy, is looked at again.
    pub resend_after: Duration,
    /// How long one planner may work on a round.
    pub planning_lease: Duration,
    /// How often a round is leased before it fails.
    pub planning_tries: i32,
    /// The longest text of a request, in characters.
    pub max_text_chars: usize,
    /// How many requests may be open at once.
    pub open_requests: OpenRequestLimits,
    /// How long states may last.
    pub deadlines: Deadlines,
}

impl Deref for Settings {
    type Target = engine::Settings;

    fn deref(&self) -> &engine::Settings {
        &self.engine
    }
}

/// What of it is not the engine's.
#[derive(Debug, Clone)]
pub struct Means {
    /// Times and limits.
    pub settings: Arc<Settings>,
    /// What a plan needs.
    pub policy: Arc<Policy>,
    /// Makes plans.
    pub planner: Arc<dyn Planner>,
}

/// What every use case about requests works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// What their work is done with.
    pub engine: engine::Context,
    /// Times and limits.
    pub settings: Arc<Settings>,
    /// What a plan needs.
    pub policy: Arc<Policy>,
    /// Makes plans.
    pub planner: Arc<dyn Planner>,
    /// What people approve at the same time.
    pub approvals: Approvals,
    /// How much room there is for further requests.
    pub room: KnownRoom,
}

impl Context {
    /// The engine's, with these means.
    pub fn new(engine: engine::Context, means: Means) -> Self {
        let Means { settings, policy, planner } = means;
        Self { engine, settings, policy, planner, approvals: Approvals::default(), room: KnownRoom::default() }
    }
}

impl Deref for Context {
    type Target = engine::Context;

    fn deref(&self) -> &engine::Context {
        &self.engine
    }
}

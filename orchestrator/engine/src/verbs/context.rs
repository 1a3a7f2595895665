//! What the engine's use cases work with: the kernel's, and whoever ordered the work.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use chiffon_fleet::domain::unverified::Peer;
use chiffon_kernel::verbs as kernel;

use super::run::Run;
use crate::domain::task::Limits;

/// Times and limits of work, from configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Those of every part.
    pub kernel: kernel::Settings,
    /// How long an offer waits for a claim.
    pub claim_within: Duration,
    /// How long an agent has to start after its claim was sent.
    pub start_within: Duration,
    /// An agent that is silent for longer counts as gone.
    pub agent_lease: Duration,
    /// How long a run may go on beyond its time limit before it is asked to stop, and after that before it is given up.
    pub run_margin: Duration,
    /// How many dead letters are kept, and for how long.
    pub dead_letters: DeadLetterLimits,
    /// How cut-off work is tried again.
    pub retry: Limits,
    /// Peers that sign nothing, admitted by configuration.
    pub unverified: Vec<Peer>,
}

impl Deref for Settings {
    type Target = kernel::Settings;

    fn deref(&self) -> &kernel::Settings {
        &self.kernel
    }
}

/// How many dead letters are kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetterLimits {
    /// After this they are let go.
    pub keep: Duration,
    /// Of more than this the settled and then the oldest are let go.
    pub most: u32,
    /// The same for the bytes of all that are kept.
    pub max_bytes: u64,
    /// Of so many open ones that nobody trusted has signed, more are counted instead of kept.
    pub most_of_strangers: u32,
    /// Of a larger message only this much is kept, and it can't be replayed.
    pub max_body_bytes: usize,
}

impl Default for DeadLetterLimits {
    fn default() -> Self {
        Self {
            keep: Duration::from_hours(30 * 24),
            most: 10_000,
            max_bytes: 256 * 1024 * 1024,
            most_of_strangers: 1_000,
            max_body_bytes: 1024 * 1024,
        }
    }
}

/// What every use case of the engine works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// What every part works with.
    pub kernel: kernel::Context,
    /// Times and limits.
    pub settings: Arc<Settings>,
    /// Whoever ordered the work.
    pub run: Arc<dyn Run>,
}

impl Deref for Context {
    type Target = kernel::Context;

    fn deref(&self) -> &kernel::Context {
        &self.kernel
    }
}

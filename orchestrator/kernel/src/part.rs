//! What a capability brings to an orchestrator, as data: whoever composes one folds over its parts and knows none of them by heart.

use std::sync::Arc;

use chiffon_protocol::topology::Topology;

use crate::chores::Chore;
use crate::deliveries::Inbox;
use crate::domain::permission::Permission;
use crate::http::HttpState;
use crate::http::table::Routes;
use crate::store::invariants::Invariant;

/// Makes a part's endpoints for one HTTP server.
pub type MakeRoutes = Box<dyn Fn(&HttpState) -> Routes + Send + Sync>;

/// One capability.
#[derive(Default)]
pub struct Part {
    /// Its endpoints, each with what it needs.
    pub routes: Option<MakeRoutes>,
    /// What one may do with it.
    pub permissions: &'static [Permission],
    /// Queues and exchanges that it needs beside those of every installation.
    pub topology: Option<Topology>,
    /// Who takes in what comes on which queue.
    pub deliveries: Vec<Arc<dyn Inbox>>,
    /// What looks by itself, now and then and when it is woken.
    pub chores: Vec<Arc<dyn Chore>>,
    /// What must hold of its records.
    pub invariants: &'static [Invariant],
}

impl std::fmt::Debug for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let invariants = self.invariants.iter().map(|invariant| invariant.rule.name).collect::<Vec<_>>();
        formatter
            .debug_struct("Part")
            .field("deliveries", &self.deliveries)
            .field("chores", &self.chores)
            .field("permissions", &self.permissions)
            .field("invariants", &invariants)
            .finish_non_exhaustive()
    }
}

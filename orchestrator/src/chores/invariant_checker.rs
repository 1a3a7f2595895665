//! Looks whether what must never be is (`domain::invariant`), in production as in tests, and says so: in `GET /background`, in
//! `/health`, in the metrics, and once per change in the log. Reads only, so each process does it for itself.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chiffon_bus::Status;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_kernel::store::invariants::Invariant;
use chiffon_protocol::Problem;
use chiffon_requests::verbs::Context;
use tokio::sync::{Notify, watch};

use crate::verbs::check_invariants;

/// The agent's name.
pub const NAME: &str = "invariant_checker";
/// A look that comes later than so many periods after the last means that this process stood still.
const STOOD_STILL: u32 = 3;

/// Looks at the invariants.
#[derive(Debug)]
pub struct InvariantChecker {
    context: Context,
    invariants: Vec<&'static Invariant>,
    never: Notify,
    broker: Mutex<watch::Receiver<Status>>,
    steady: Mutex<Steady>,
}

/// Since when nothing excuses what is overdue.
#[derive(Debug, Default)]
struct Steady {
    since: Option<Duration>,
    last_look: Option<Duration>,
}

impl InvariantChecker {
    /// A checker of these.
    pub fn new(context: Context, invariants: Vec<&'static Invariant>) -> Self {
        let broker = Mutex::new(context.bus.status());
        Self { context, invariants, never: Notify::new(), broker, steady: Mutex::default() }
    }

    /// For how long the broker has been there without a break, and this process awake.
    fn steady_for(&self, now: Duration) -> Duration {
        let mut broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner);
        let was_steady = !broker.has_changed().unwrap_or(true);
        let is_connected = *broker.borrow_and_update() == Status::Connected;
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = self.context.settings.watch.check_every * STOOD_STILL;
        let was_awake = steady.last_look.is_none_or(|before| now.saturating_sub(before) <= longest);
        steady.last_look = Some(now);
        steady.since = match steady.since {
            Some(since) if was_steady && is_connected && was_awake => Some(since),
            _ if is_connected => Some(now),
            _ => None,
        };
        steady.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}

#[async_trait]
impl Chore for InvariantChecker {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Nothing but its period wakes it.
    fn wake(&self) -> &Notify {
        &self.never
    }

    fn period(&self, context: &chiffon_kernel::verbs::Context) -> Duration {
        context.settings.watch.check_every
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let steady_for = self.steady_for(self.context.clock.elapsed());
        Ok(TickReport::of(check_invariants::run(&self.context, &self.invariants, steady_for).await?))
    }
}

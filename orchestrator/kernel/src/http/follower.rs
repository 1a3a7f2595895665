//! Somebody who watches what happens: let in once, and looked at again now and then. Whoever has signed out, or whose token was taken
//! back, hears no more.

use std::time::Duration;

use super::auth::Proof;
use super::limits::Held;
use super::state::HttpState;

/// Who watches, and the place that they take.
#[derive(Debug)]
pub struct Follower {
    proof: Proof,
    checked_at: Duration,
    _place: Held,
}

impl Follower {
    /// One who was let in just now.
    pub fn new(state: &HttpState, proof: Proof, place: Held) -> Self {
        Self { proof, checked_at: state.context.clock.elapsed(), _place: place }
    }

    /// Whether they are told more; looked at in the database once a period.
    pub async fn may_go_on(&mut self, state: &HttpState) -> bool {
        let now = state.context.clock.elapsed();
        if now.saturating_sub(self.checked_at) < state.options.live_period {
            return true;
        }
        self.checked_at = now;
        // Trouble that passes ends nothing; it is asked again.
        self.proof.counts(state).await.unwrap_or(true)
    }
}

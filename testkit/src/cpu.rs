//! How much work something was, whatever else the machine does meanwhile.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// A moment in the processor time of this process, of all its threads together: what [`std::time::Instant`] is on the wall. A test that
/// bounds how long something computes asks this; a clock on the wall would also measure its neighbours.
#[derive(Debug, Clone, Copy)]
pub struct CpuInstant(Duration);

impl CpuInstant {
    /// This moment.
    pub fn now() -> Self {
        Self(used())
    }

    /// The processor time that was used since.
    pub fn elapsed(self) -> Duration {
        used().saturating_sub(self.0)
    }
}

fn used() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("the kernel counts it").into()
}

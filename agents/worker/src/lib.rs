//! What every kind of agent shares: from a delivery on the bus to an acknowledged result, never lost and never run twice.
//!
//! A kind says what it can do and does it ([`AgentKind`]); a [`Worker`] owns everything else.

mod attempt;
pub mod background;
pub mod cgroup;
mod claim;
mod control;
mod execute;
mod heartbeat;
mod hello;
mod intake;
mod journal;
mod kind;
pub mod machine;
pub mod marker;
mod options;
mod probe;
mod recover;
mod report;
mod run_context;
mod sender;
mod shared;
pub mod time_limit;
mod traced;
mod verify;
mod worker;

pub use background::Jobs;
pub use journal::journalled;
pub use kind::{AgentKind, Decline, Ending, RunOutcome};
pub use options::WorkerOptions;
pub use probe::{HeartbeatFigures, Probe};
pub use recover::{MADE, NAMED_CHANGES};
pub use run_context::{Cancel, CancelCause, EventSink, NewEvent, Progress, RunContext};
pub use worker::{Ended, Worker, WorkerParts};

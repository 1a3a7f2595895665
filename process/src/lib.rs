//! What every process needs to live: clock, ids, configuration layers, telemetry, lifecycle and retry.
//!
//! Nothing here knows what Chiffon is for. The only crate that may ask the system for the time, for randomness of ids
//! and for environment variables, so that everything else can be driven by tests.

pub mod bounded;
pub mod clock;
pub mod config;
pub mod ids;
pub mod keyfile;
pub mod lifecycle;
pub mod nearest;
pub mod panic;
pub mod private;
pub mod retry;
pub mod telemetry;
pub mod traces;

pub use clock::{Clock, SystemClock, shown};
pub use ids::{IdSource, RandomIds};
pub use lifecycle::{Shutdown, Spawner};
pub use panic::{Panicked, caught};
pub use traces::Traces;

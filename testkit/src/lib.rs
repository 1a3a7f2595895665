//! What tests share: a clock that they move, waiting for something to become true, a database of their own, a network that fails, and the
//! processor time they use.
//!
//! For tests only. Nothing here stands in for our own code: it gives tests time, patience and a place to work.

pub mod clock;
pub mod cpu;
pub mod database;
pub mod fault_proxy;
pub mod hostile;
pub mod page_table;
pub mod poll;

pub use chiffon_nodes::shared::not_run;
pub use clock::ManualClock;
pub use cpu::CpuInstant;
pub use database::TemporaryDatabase;
pub use fault_proxy::FaultProxy;
pub use poll::until;

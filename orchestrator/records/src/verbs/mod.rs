//! Use cases, one verb per file. A use case is one transaction (or a short series), told top to bottom.

pub mod record;
pub mod seal_logs;
pub mod verify_audit;

mod context;

pub use context::Context;

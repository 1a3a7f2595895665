//! Use cases, one verb per file. A use case is one transaction (or a short series), told top to bottom.

pub mod background_status;
pub mod outcome;
pub mod principal_keys;
pub mod returned;
pub mod tokens;

mod context;

pub use context::{Context, Retention, Settings, Wakes, Watch};

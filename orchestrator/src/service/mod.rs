//! Use cases, one verb per file. A use case is one transaction (or a short series), told top to bottom.

pub mod advance_request;
pub mod background_status;
pub mod cancel;
pub mod decide;
pub mod expire;
pub mod freeze;
pub mod ledger;
pub mod plan_round;
pub mod say;
pub mod submit;
pub mod tokens;
pub mod transition;
pub mod wake_planning;

mod context;

pub use context::{Context, Settings, Wakes};

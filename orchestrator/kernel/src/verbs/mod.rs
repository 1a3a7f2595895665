//! Use cases, one verb per file. A use case is one transaction (or a short series), told top to bottom.

pub mod announcements;
pub mod background_status;
pub mod handed;
pub mod holding;
pub mod live;
pub mod outcome;
pub mod principal_keys;
pub mod reply;
pub mod returned;
pub mod together;
pub mod tokens;
pub mod work;

mod context;

pub use context::{Context, Retention, Settings, Wakes, Watch};

//! Use cases, one verb per file. A use case is one transaction (or a short series), told top to bottom.

pub mod announcements;
pub mod background_status;
pub mod grants;
pub mod handed;
pub mod happened;
pub mod hashing;
pub mod holders;
pub mod holding;
pub mod live;
pub mod login_links;
pub mod outcome;
pub mod passwords;
pub mod principal_keys;
pub mod reply;
pub mod returned;
pub mod sessions;
pub mod together;
pub mod tokens;
pub mod work;

mod context;

pub use context::{Context, Retention, Settings, Wakes, Watch};

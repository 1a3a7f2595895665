//! Use cases, one verb per file. A use case is one transaction (or a short series), told top to bottom.

mod context;

pub use context::{Context, Settings, Wakes};

//! The fleet.

pub mod get;
pub(super) mod list;
pub(super) mod metrics;

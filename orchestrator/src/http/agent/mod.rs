//! The fleet.

pub(super) mod capacity;
pub(super) mod get;
pub(super) mod list;
pub(super) mod metrics;
pub(super) mod order;

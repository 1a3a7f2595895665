//! Messages that could not be dealt with: seen, replayed, purged.

pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod purge;
pub(super) mod replay;

//! Tasks and their logs.

pub(super) mod get;
pub(super) mod logs;

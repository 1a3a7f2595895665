//! Signing in with a browser: one-time links, and the sessions that they open.

pub(super) mod end;
pub(super) mod leave;
pub(super) mod link;
pub(super) mod list;
pub mod open;

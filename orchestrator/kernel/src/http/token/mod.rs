//! Tokens, and who one is.

pub(super) mod create;
pub(super) mod list;
pub(super) mod permissions;
pub(super) mod revoke;
pub(super) mod whoami;

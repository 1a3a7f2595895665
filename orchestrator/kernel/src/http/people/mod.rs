//! People and programs.

pub(super) mod grants;
pub(super) mod list;

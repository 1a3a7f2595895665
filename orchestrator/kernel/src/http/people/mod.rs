//! People and programs.

pub(super) mod list;

//! What hooks are, without I/O.

pub mod hook;
pub mod permissions;
pub mod scheme;
pub mod template;

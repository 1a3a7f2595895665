//! Notifications and their channels.

pub mod channels;
pub mod list;
pub mod retry;
pub mod test;

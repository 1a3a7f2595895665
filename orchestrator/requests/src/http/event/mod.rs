//! Endpoints of all events.

pub mod list;
mod watch;

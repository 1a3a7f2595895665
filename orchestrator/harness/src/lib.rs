//! What the tests of the orchestrator's crates share: an orchestrator without sockets on a database of its own, and agents that are nothing
//! but what they put on the wire: signed messages in, signed messages out. The clock and every look of the background agents are the test's.

pub mod app;
pub mod conversation;
pub mod database;
pub mod parts;
pub mod site;
pub mod wire;

//! The agents: what carries out approved work, and reports it truthfully.
//!
//! [`worker`] is everything that all kinds share: hello, claim, journal, heartbeat, log, result, cancel and stop.
//! A kind ([`infrastructure`] for Ansible, the desktop) implements [`worker::AgentKind`] and knows nothing of the bus.

pub mod desktop;
pub mod infrastructure;
pub mod worker;

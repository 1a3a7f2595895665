//! The desktop agent: one daemon per machine that reports what the machine has and spends, and whether its owner needs it.
//!
//! It announces no actions yet; work that is offered to it is declined with that reason.

mod agent;
mod amd;
mod nvidia;
mod probe;

pub use agent::{DesktopAgent, DesktopOptions};
pub use probe::SystemProbe;

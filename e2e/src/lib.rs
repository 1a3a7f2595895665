//! Drives the built `chiffon` binary as a user would: processes, the command line, HTTP, git.
//!
//! Everything lives in a folder of its own and on free ports; dropping a [`Home`] stops what it started, and fails the
//! test when something was left running.

mod actions;
mod api;
mod fleet;
mod home;
mod model;
mod process;
mod ssh_hosts;
mod stage;

pub use actions::write_action;
pub use api::{Api, eventually};
pub use fleet::{Fleet, one_host};
pub use home::Home;
pub use model::HeldModel;
pub use process::{Finished, Running};
pub use ssh_hosts::SshHosts;
pub use stage::{AGENT, Lines, Part, Stage, StageOptions};

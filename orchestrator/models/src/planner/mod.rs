//! How a plan is made: a chain of model providers, and the offline planner that works from the catalogue alone.

pub mod ledger;
pub mod provider;
pub mod spending;
pub mod trace;

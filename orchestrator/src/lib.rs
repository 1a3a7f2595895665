//! The whole orchestrator: its parts put together, its health, its metrics, and how long things are kept.
//!
//! A capability is a crate that hands in a [`Part`](chiffon_kernel::part::Part); what it needs of others is told by its dependencies.

pub mod app;
pub mod chores;
pub mod http;
pub mod store;
pub mod verbs;

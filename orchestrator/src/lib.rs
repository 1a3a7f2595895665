//! Plans, approves, dispatches, records.
//!
//! Modules are layered `domain <- {store, planner, audit_repo} <- verbs <- {http, deliveries, chores} <- app`;
//! a test enforces it.

pub mod app;
pub mod audit_repo;
pub mod chores;
pub mod deliveries;
pub mod domain;
pub mod http;
pub mod planner;
pub mod store;
pub mod verbs;

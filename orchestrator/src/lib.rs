//! Plans, approves, dispatches, records.
//!
//! Modules are layered `domain <- {store, planner, audit_repo} <- service <- {http, inbox, background} <- app`;
//! a test enforces it.

pub mod audit_repo;
pub mod domain;
pub mod planner;
pub mod store;

//! Plans, approves, dispatches, records.
//!
//! Modules are layered `domain <- {store, planner, audit_repo} <- service <- {http, inbox, background} <- app`;
//! a test enforces it.

pub mod app;
pub mod audit_repo;
pub mod background;
pub mod domain;
pub mod http;
pub mod inbox;
pub mod planner;
pub mod service;
pub mod store;

//! The orchestrator's use cases on a real PostgreSQL. Each test has a database of its own.

mod database;
mod harness;
mod http;
mod requests;
mod work;

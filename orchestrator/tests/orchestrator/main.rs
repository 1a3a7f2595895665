//! The orchestrator's use cases on a real PostgreSQL. Each test has a database of its own.

mod harness;
mod http;
mod requests;
mod work;

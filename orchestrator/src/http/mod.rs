//! The HTTP interface: one endpoint per file, a route table with the least role beside each endpoint, problems as RFC 9457.
//!
//! It turns calls into service calls and read models into answers. It decides nothing: rules live in `domain` and `service`.

#![expect(unused_qualifications, reason = "utoipa's macro writes its parameter types with full paths")]

mod action;
mod agent;
mod answer;
mod audit;
mod auth;
mod body;
mod dead_letter;
mod fields;
mod health;
mod host;
mod hosts;
mod idempotency;
mod input;
mod key;
mod limits;
mod live;
mod measures;
mod operations;
mod places;
mod problem;
mod rate;
mod request;
mod routes;
mod server;
mod state;
mod table;
mod task;
mod token;

pub use places::Most;
pub use problem::Failure;
pub use routes::{endpoints, router, schema_collisions};
pub use server::serve;
pub use state::{HttpOptions, HttpState};
pub use table::Endpoint;

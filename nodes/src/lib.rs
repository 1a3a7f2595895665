//! Private PostgreSQL and RabbitMQ nodes, started from the programs installed on this machine.
//!
//! A node belongs to the process that started it: it stops when its value is dropped, and a guard stops it when that
//! process dies without a word. Servers that were running before are never touched. Nothing here knows what the
//! nodes are used for; no other crate of the workspace is imported.

mod account;
mod error;
mod find;
mod folder;
mod guard;
mod ports;
mod postgres;
mod rabbitmq;
mod secret;
pub mod shared;
mod tree;

pub use error::NodeError;
pub use find::{postgres_client, postgres_is_installed, rabbitmq_is_installed};
pub use ports::free_range;
pub use postgres::{Durability, Listen, PostgresNode, PostgresOptions};
pub use rabbitmq::{Management, RabbitCluster, RabbitNode, RabbitOptions};
pub use tree::signal;

//! The HTTP interface: one endpoint per file, a route table with what each endpoint needs, problems as RFC 9457.
//!
//! It turns calls into service calls and read models into answers. It decides nothing: rules live in `domain` and `verbs`.

#![expect(unused_qualifications, reason = "utoipa's macro writes its parameter types with full paths")]

pub mod answer;
pub mod auth;
pub mod body;
mod fields;
mod hosts;
pub mod idempotency;
pub mod input;
mod key;
pub mod limits;
mod measures;
mod operations;
pub mod places;
pub mod problem;
mod rate;
pub mod state;
pub mod table;
mod token;

use utoipa_axum::routes;

use self::table::{Routes, Table};
use crate::domain::permissions::{BACKGROUND_READ, KEYS_MANAGE, TOKENS_MANAGE, WHOAMI};

pub use places::Most;
pub use problem::Failure;
pub use state::{HttpOptions, HttpState, Room};
pub use table::Endpoint;

/// The endpoints here, each with what it needs.
pub fn routes(server: &HttpState) -> Routes {
    Table::new(server, server.clone())
        .needs(BACKGROUND_READ, routes!(operations::background::background))
        .needs(WHOAMI, routes!(token::whoami::whoami))
        .needs(TOKENS_MANAGE, routes!(token::create::create))
        .needs(TOKENS_MANAGE, routes!(token::list::list))
        .needs(TOKENS_MANAGE, routes!(token::revoke::revoke))
        .needs(KEYS_MANAGE, routes!(key::trust::trust))
        .needs(KEYS_MANAGE, routes!(key::list::list))
        .needs(KEYS_MANAGE, routes!(key::revoke::revoke))
        .open(routes!(operations::error_page::error_page))
        .done()
}

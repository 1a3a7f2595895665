//! The HTTP interface: one endpoint per file, a route table with the least role beside each endpoint, problems as RFC 9457.
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
use crate::domain::role::Role::{Admin, Operator, Viewer};

pub use places::Most;
pub use problem::Failure;
pub use state::{HttpOptions, HttpState, Room};
pub use table::Endpoint;

/// The endpoints here, each with the least role that may call it.
pub fn routes(server: &HttpState) -> Routes {
    Table::new(server, server.clone())
        .role(Operator, routes!(operations::background::background))
        .role(Viewer, routes!(token::whoami::whoami))
        .role(Admin, routes!(token::create::create))
        .role(Admin, routes!(token::list::list))
        .role(Admin, routes!(token::revoke::revoke))
        .role(Admin, routes!(key::trust::trust))
        .role(Admin, routes!(key::list::list))
        .role(Admin, routes!(key::revoke::revoke))
        .open(routes!(operations::error_page::error_page))
        .done()
}

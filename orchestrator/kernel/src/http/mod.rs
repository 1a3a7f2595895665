//! The HTTP interface: one endpoint per file, a route table with what each endpoint needs, problems as RFC 9457.
//!
//! It turns calls into service calls and read models into answers. It decides nothing: rules live in `domain` and `verbs`.

#![expect(unused_qualifications, reason = "utoipa's macro writes its parameter types with full paths")]

pub mod answer;
pub mod auth;
pub mod body;
pub mod cookie;
mod etag;
mod fields;
pub mod follower;
mod holders;
mod hosts;
pub mod idempotency;
pub mod input;
mod key;
pub mod limits;
mod measures;
mod operations;
mod password;
mod people;
pub mod places;
pub mod problem;
mod rate;
pub mod session;
pub mod state;
pub mod table;
mod token;

use utoipa_axum::routes;

use self::table::{Routes, Table};
use crate::domain::permissions::{BACKGROUND_READ, KEYS_MANAGE, PEOPLE_READ, SESSIONS_OWN, TOKENS_MANAGE, WHOAMI};

pub use places::Most;
pub use problem::Failure;
pub use state::{HttpOptions, HttpState, Room};
pub use table::Endpoint;

/// The endpoints here, each with what it needs.
pub fn routes(server: &HttpState) -> Routes {
    Table::new(server, server.clone())
        .needs(BACKGROUND_READ, routes!(operations::background::background))
        .needs(WHOAMI, routes!(token::whoami::whoami))
        .needs(WHOAMI, routes!(token::permissions::permissions))
        .needs(PEOPLE_READ, routes!(people::list::list))
        .needs(PEOPLE_READ, routes!(people::grants::list))
        .needs(TOKENS_MANAGE, routes!(people::grants::add))
        .needs(TOKENS_MANAGE, routes!(people::grants::remove))
        .needs(TOKENS_MANAGE, routes!(people::grants::set_role))
        .needs(TOKENS_MANAGE, routes!(token::create::create))
        .needs(TOKENS_MANAGE, routes!(token::list::list))
        .needs(TOKENS_MANAGE, routes!(token::revoke::revoke))
        .needs(SESSIONS_OWN, routes!(session::link::link))
        .open(routes!(session::open::open))
        .admits_narrow(SESSIONS_OWN, routes!(session::leave::leave))
        .needs(SESSIONS_OWN, routes!(session::list::list))
        .needs(SESSIONS_OWN, routes!(session::end::end))
        .needs(SESSIONS_OWN, routes!(password::own::show, password::own::set, password::own::remove))
        .needs(TOKENS_MANAGE, routes!(password::others::set, password::others::remove))
        .needs(KEYS_MANAGE, routes!(key::trust::trust))
        .needs(KEYS_MANAGE, routes!(key::list::list))
        .needs(KEYS_MANAGE, routes!(key::revoke::revoke))
        .open(routes!(operations::error_page::error_page))
        .done()
}

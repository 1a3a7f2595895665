//! The HTTP interface: one endpoint per file, a route table with what each endpoint needs, problems as RFC 9457.

#![expect(unused_qualifications, reason = "utoipa's macro writes its parameter types with full paths")]

pub mod notification;

use chiffon_kernel::http::table::{Routes, Table};
use utoipa_axum::routes;

use crate::domain::permissions::{NOTIFICATIONS_MANAGE, NOTIFICATIONS_READ};
use crate::verbs::Context;

/// What the endpoints here work with.
pub type HttpState = chiffon_kernel::http::Room<Context>;

/// The endpoints here, each with what it needs.
pub fn routes(server: &chiffon_kernel::http::HttpState, context: Context) -> Routes {
    Table::new(server, HttpState::new(server.clone(), context))
        .needs(NOTIFICATIONS_READ, routes!(notification::list::list))
        .needs(NOTIFICATIONS_READ, routes!(notification::channels::channels))
        .needs(NOTIFICATIONS_MANAGE, routes!(notification::test::test))
        .needs(NOTIFICATIONS_MANAGE, routes!(notification::retry::retry))
        .done()
}

//! The HTTP interface: one endpoint per file, a route table with what each endpoint needs, problems as RFC 9457.

pub mod webhook;

use chiffon_kernel::http::table::{Routes, Table};
use utoipa_axum::routes;

use crate::domain::permissions::WEBHOOKS_READ;
use crate::verbs::Context;

/// What the endpoints here work with.
pub type HttpState = chiffon_kernel::http::Room<Context>;

/// The endpoints here, each with what it needs.
pub fn routes(server: &chiffon_kernel::http::HttpState, context: Context) -> Routes {
    Table::new(server, HttpState::new(server.clone(), context))
        .needs(WEBHOOKS_READ, routes!(webhook::list::list))
        .open(routes!(webhook::receive::receive))
        .needs(WEBHOOKS_READ, routes!(webhook::try_out::try_out))
        .done()
}

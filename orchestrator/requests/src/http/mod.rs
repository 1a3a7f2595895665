//! The HTTP interface: one endpoint per file, a route table with the least role beside each endpoint, problems as RFC 9457.

#![expect(unused_qualifications, reason = "utoipa's macro writes its parameter types with full paths")]

pub mod host;
pub mod request;
pub mod task;

use chiffon_kernel::domain::role::Role::{Requester, Viewer};
use chiffon_kernel::http::table::{Routes, Table};
use utoipa_axum::routes;

use crate::verbs::Context;

/// What the endpoints here work with.
pub type HttpState = chiffon_kernel::http::Room<Context>;

/// The endpoints here, each with the least role that may call it.
pub fn routes(server: &chiffon_kernel::http::HttpState, context: Context) -> Routes {
    Table::new(server, HttpState::new(server.clone(), context))
        .waiting(Requester, routes!(request::submit::submit))
        .role(Viewer, routes!(request::get::get))
        .role(Viewer, routes!(request::list::list))
        .role(Viewer, routes!(request::events::events))
        .role(Requester, routes!(request::say::say))
        .role(Requester, routes!(request::decide::decide)) // approving needs an approver, revising one's own does not: see `verbs::decide`
        .role(Requester, routes!(request::cancel::cancel))
        .role(Requester, routes!(request::hold::pause))
        .role(Requester, routes!(request::hold::resume))
        .role(Requester, routes!(task::resolve::resolve)) // one's own; anybody's needs an operator: see `verbs::resolve`
        .role(Requester, routes!(host::release::release)) // of one's own request; anybody's needs an operator: see `verbs::release_host`
        .done()
}

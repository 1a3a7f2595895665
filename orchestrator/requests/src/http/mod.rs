//! The HTTP interface: one endpoint per file, a route table with what each endpoint needs, problems as RFC 9457.

#![expect(unused_qualifications, reason = "utoipa's macro writes its parameter types with full paths")]

pub mod approval_link;
pub mod event;
pub mod host;
pub mod request;
pub mod standing_approval;
pub mod task;

use chiffon_kernel::http::table::{Routes, Table};
use utoipa_axum::routes;

use crate::domain::permissions::{APPROVALS_STAND, REQUESTS_ASK, REQUESTS_READ, TASKS_RESOLVE};
use crate::verbs::Context;

/// What the endpoints here work with.
pub type HttpState = chiffon_kernel::http::Room<Context>;

/// The endpoints here, each with what it needs.
pub fn routes(server: &chiffon_kernel::http::HttpState, context: Context) -> Routes {
    Table::new(server, HttpState::new(server.clone(), context))
        .waiting(REQUESTS_ASK, routes!(request::submit::submit))
        .needs(REQUESTS_READ, routes!(request::get::get))
        .needs(REQUESTS_READ, routes!(request::list::list))
        .needs(REQUESTS_READ, routes!(request::short::summary))
        .needs(REQUESTS_READ, routes!(request::plans::plans))
        .needs(REQUESTS_READ, routes!(request::events::events))
        .needs(REQUESTS_READ, routes!(event::list::list))
        .needs(REQUESTS_ASK, routes!(request::say::say))
        .open(routes!(approval_link::open::open))
        .admits_narrow(REQUESTS_ASK, routes!(request::decide::decide)) // approving needs `requests.approve`, revising one's own does not: see `verbs::decide`
        .needs(REQUESTS_ASK, routes!(request::cancel::cancel))
        .needs(REQUESTS_ASK, routes!(request::hold::pause))
        .needs(REQUESTS_ASK, routes!(request::hold::resume))
        .needs(TASKS_RESOLVE, routes!(task::resolve::resolve)) // one's own; anybody's needs `requests.manage`: see `verbs::resolve`
        .needs(TASKS_RESOLVE, routes!(host::release::release)) // of one's own request; anybody's needs `requests.manage`: see `verbs::release_host`
        .needs(APPROVALS_STAND, routes!(standing_approval::give::give))
        .needs(REQUESTS_READ, routes!(standing_approval::list::list))
        .needs(REQUESTS_READ, routes!(standing_approval::get::get))
        .needs(REQUESTS_ASK, routes!(standing_approval::withdraw::withdraw)) // one's own; anybody's needs `approvals.withdraw`: see `verbs::withdraw_standing`
        .done()
}

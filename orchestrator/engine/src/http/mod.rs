//! The HTTP interface: one endpoint per file, a route table with the least role beside each endpoint, problems as RFC 9457.

#![expect(unused_qualifications, reason = "utoipa's macro writes its parameter types with full paths")]

pub mod agent;
pub mod dead_letter;
pub mod host;
pub mod task;

use chiffon_kernel::domain::role::Role::{Admin, Operator, Viewer};
use chiffon_kernel::http::table::{Routes, Table};
use utoipa_axum::routes;

use crate::verbs::Context;

/// What the endpoints here work with.
pub type HttpState = chiffon_kernel::http::Room<Context>;

/// The endpoints here, each with the least role that may call it.
pub fn routes(server: &chiffon_kernel::http::HttpState, context: Context) -> Routes {
    Table::new(server, HttpState::new(server.clone(), context))
        .role(Viewer, routes!(task::get::get))
        .role(Viewer, routes!(task::logs::logs))
        .role(Viewer, routes!(host::reserved::reserved))
        .role(Viewer, routes!(agent::capacity::capacity))
        .role(Operator, routes!(agent::order::pause))
        .role(Operator, routes!(agent::order::resume))
        .role(Operator, routes!(agent::order::drain))
        .role(Operator, routes!(dead_letter::list::list))
        .role(Operator, routes!(dead_letter::get::get))
        .role(Operator, routes!(dead_letter::replay::replay))
        .role(Admin, routes!(dead_letter::purge::purge))
        .role(Admin, routes!(dead_letter::delete::delete))
        .done()
}

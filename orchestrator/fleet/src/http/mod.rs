//! The HTTP interface: one endpoint per file, a route table with what each endpoint needs, problems as RFC 9457.

#![expect(unused_qualifications, reason = "utoipa's macro writes its parameter types with full paths")]

pub mod action;
pub mod agent;

use chiffon_kernel::http::HttpState;
use chiffon_kernel::http::table::{Routes, Table};
use utoipa_axum::routes;

use crate::domain::permissions::{ACTIONS_READ, AGENTS_READ};

/// The endpoints here, each with what it needs.
pub fn routes(server: &HttpState) -> Routes {
    Table::new(server, server.clone())
        .needs(AGENTS_READ, routes!(agent::list::list))
        .needs(AGENTS_READ, routes!(agent::get::get))
        .needs(AGENTS_READ, routes!(agent::metrics::metrics))
        .needs(ACTIONS_READ, routes!(action::list::list))
        .needs(ACTIONS_READ, routes!(action::get::get))
        .done()
}

//! The HTTP interface: one endpoint per file, a route table with the least role beside each endpoint, problems as RFC 9457.

#![expect(unused_qualifications, reason = "utoipa's macro writes its parameter types with full paths")]

pub mod operations;

use chiffon_kernel::domain::role::Role::Viewer;
use chiffon_kernel::http::HttpState;
use chiffon_kernel::http::table::{Routes, Table};
use utoipa_axum::routes;

/// The endpoints here, each with the least role that may call it.
pub fn routes(server: &HttpState) -> Routes {
    Table::new(server, server.clone()).role(Viewer, routes!(operations::costs::costs)).done()
}

//! The whole HTTP interface, served on one listener, and what it tells of all parts at once: health and metrics.

mod health;
mod operations;
pub mod routes;
mod server;

use chiffon_kernel::domain::role::Role::Viewer;
use chiffon_kernel::http::table::{Routes, Table};
use chiffon_requests::verbs::Context;
use utoipa_axum::routes;

pub use server::serve;

/// What the endpoints here work with.
pub type HttpState = chiffon_kernel::http::Room<Context>;

/// The endpoints here, each with the least role that may call it.
pub fn own(server: &chiffon_kernel::http::HttpState, room: HttpState) -> Routes {
    Table::new(server, room)
        .role(Viewer, routes!(operations::metrics::metrics))
        .open(routes!(health::all::all))
        .open(routes!(health::live::live))
        .open(routes!(health::ready::ready))
        .done()
}

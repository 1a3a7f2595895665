//! The whole HTTP interface, served on one listener, and what it tells of all parts at once: health and metrics.

mod health;
mod operations;
mod page;
pub mod routes;
mod server;

use chiffon_kernel::domain::permission::{Permission, Programs, Reach};
use chiffon_kernel::domain::role::Role;
use chiffon_kernel::http::table::{Routes, Table};
use chiffon_requests::verbs::Context;
use utoipa_axum::routes;

pub use server::serve;

/// Numbers for monitoring.
const METRICS_READ: Permission = Permission {
    name: "metrics.read",
    lets: "see numbers for monitoring",
    roles: Role::Viewer.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// What one may do here.
pub const PERMISSIONS: &[Permission] = &[METRICS_READ];

/// What the endpoints here work with.
pub type HttpState = chiffon_kernel::http::Room<Context>;

/// The endpoints here, each with what it needs.
pub fn own(server: &chiffon_kernel::http::HttpState, room: HttpState) -> Routes {
    Table::new(server, room)
        .needs(METRICS_READ, routes!(operations::metrics::metrics))
        .open(routes!(health::all::all))
        .open(routes!(health::live::live))
        .open(routes!(health::ready::ready))
        .done()
}

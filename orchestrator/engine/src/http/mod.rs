//! The HTTP interface: one endpoint per file, a route table with what each endpoint needs, problems as RFC 9457.

#![expect(unused_qualifications, reason = "utoipa's macro writes its parameter types with full paths")]

pub mod agent;
pub mod dead_letter;
pub mod host;
pub mod task;

use chiffon_fleet::domain::permissions::AGENTS_READ;
use chiffon_kernel::http::table::{Routes, Table};
use utoipa_axum::routes;

use crate::domain::permissions::{AGENTS_ORDER, DEAD_LETTERS_DELETE, DEAD_LETTERS_READ, DEAD_LETTERS_REPLAY, HOSTS_READ, TASKS_READ};
use crate::verbs::Context;

/// What the endpoints here work with.
pub type HttpState = chiffon_kernel::http::Room<Context>;

/// The endpoints here, each with what it needs.
pub fn routes(server: &chiffon_kernel::http::HttpState, context: Context) -> Routes {
    Table::new(server, HttpState::new(server.clone(), context))
        .needs(TASKS_READ, routes!(task::get::get))
        .needs(TASKS_READ, routes!(task::logs::logs))
        .needs(HOSTS_READ, routes!(host::reserved::reserved))
        .needs(AGENTS_READ, routes!(agent::capacity::capacity))
        .needs(AGENTS_ORDER, routes!(agent::order::pause))
        .needs(AGENTS_ORDER, routes!(agent::order::resume))
        .needs(AGENTS_ORDER, routes!(agent::order::drain))
        .needs(DEAD_LETTERS_READ, routes!(dead_letter::list::list))
        .needs(DEAD_LETTERS_READ, routes!(dead_letter::get::get))
        .needs(DEAD_LETTERS_REPLAY, routes!(dead_letter::replay::replay))
        .needs(DEAD_LETTERS_DELETE, routes!(dead_letter::purge::purge))
        .needs(DEAD_LETTERS_DELETE, routes!(dead_letter::delete::delete))
        .done()
}

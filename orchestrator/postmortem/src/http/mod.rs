//! The HTTP interface: the questions, and their answers as JSON and CSV.

#![expect(unused_qualifications, reason = "utoipa's macro writes its parameter types with full paths")]

mod csv;
pub mod question;

use std::sync::Arc;

use chiffon_kernel::http::table::{Routes, Table};
use chiffon_kernel::verbs::Context;
use tokio::sync::Semaphore;
use utoipa_axum::routes;

use crate::domain::permissions::QUESTIONS_ASK;

/// So many questions are looked into at once: what was is no reason to hold up what is.
const AT_ONCE: usize = 2;

/// What the endpoints here work with.
pub type HttpState = chiffon_kernel::http::Room<Desk>;

/// Where questions wait for their turn.
#[derive(Debug, Clone)]
pub struct Desk {
    kernel: Context,
    places: Arc<Semaphore>,
}

/// The endpoints here, each with what it needs.
pub fn routes(server: &chiffon_kernel::http::HttpState) -> Routes {
    let desk = Desk { kernel: server.context.clone(), places: Arc::new(Semaphore::new(AT_ONCE)) };
    Table::new(server, HttpState::new(server.clone(), desk))
        .needs(QUESTIONS_ASK, routes!(question::list::list))
        .needs(QUESTIONS_ASK, routes!(question::ask::ask))
        .done()
}

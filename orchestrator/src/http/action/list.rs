//! `GET /actions`: the catalogue. It is as large as the playbooks folder: this list has no pages.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::read::actions::{self, ActionView};

/// The catalogue.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Catalogue {
    items: Vec<ActionView>,
}

/// Lists the actions that agents announce.
#[utoipa::path(get, path = "/actions", tag = "actions", responses((status = 200, body = Catalogue)))]
pub(in crate::http) async fn list(State(state): State<HttpState>) -> Result<Json<Catalogue>, Failure> {
    Ok(Json(Catalogue { items: actions::list(state.pool(), None).await? }))
}

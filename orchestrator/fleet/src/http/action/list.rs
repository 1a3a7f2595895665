//! `GET /actions`: the catalogue. It is as large as the playbooks folder: this list has no pages.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::HttpState;
use chiffon_kernel::http::problem::Failure;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::read::actions::{self, ActionView, NotOfferedView};

/// The catalogue.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Catalogue {
    items: Vec<ActionView>,
    /// What agents have and leave out, with the reason.
    not_offered: Vec<NotOfferedView>,
}

/// Lists the actions that agents announce.
#[utoipa::path(get, path = "/actions", tag = "actions", responses((status = 200, body = Catalogue)))]
pub(in crate::http) async fn list(State(state): State<HttpState>) -> Result<Json<Catalogue>, Failure> {
    let not_offered = actions::not_offered(state.pool()).await?;
    Ok(Json(Catalogue { items: actions::list(state.pool(), None).await?, not_offered }))
}

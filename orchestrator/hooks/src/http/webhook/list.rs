//! `GET /webhooks`: the webhooks of the configuration, and how each stands.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::problem::Failure;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::HttpState;
use crate::verbs::show::{self, Shown};

/// All webhooks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhooks)]
pub(in crate::http) struct Webhooks {
    items: Vec<Shown>,
}

/// Lists the webhooks that programs call, and how each stands.
#[utoipa::path(get, path = "/webhooks", tag = "webhooks", responses((status = 200, body = Webhooks)))]
pub(in crate::http) async fn list(State(state): State<HttpState>) -> Result<Json<Webhooks>, Failure> {
    Ok(Json(Webhooks { items: show::run(&state.context).await? }))
}

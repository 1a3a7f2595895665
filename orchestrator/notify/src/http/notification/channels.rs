//! `GET /notifications/channels`: the channels of the configuration, and how each stands.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::problem::Failure;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::HttpState;
use crate::verbs::show::{self, Channel};

/// All channels.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotificationChannels)]
pub(in crate::http) struct Channels {
    items: Vec<Channel>,
    /// What their links begin with: `http.public_url`, else the address at which this orchestrator listens.
    links_begin_with: String,
}

/// Lists the channels, and how each stands.
#[utoipa::path(get, path = "/notifications/channels", tag = "notifications", responses((status = 200, body = Channels)))]
pub(in crate::http) async fn channels(State(state): State<HttpState>) -> Result<Json<Channels>, Failure> {
    let items = show::channels(&state.context).await?;
    Ok(Json(Channels { items, links_begin_with: state.context.public_url.to_string() }))
}

//! `GET /session/oidc`: by which provider one can sign in.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::HttpState;

/// The provider by which one can sign in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownProvider {
    /// What people call it; null where none is set up.
    name: Option<String>,
}

/// Says by which provider one can sign in, if any.
#[utoipa::path(get, path = "/session/oidc", tag = "sessions", responses((status = 200, body = ShownProvider)))]
pub(super) async fn shown(State(state): State<HttpState>) -> Json<ShownProvider> {
    Json(ShownProvider { name: state.provider.map(|provider| provider.settings().name.clone()) })
}

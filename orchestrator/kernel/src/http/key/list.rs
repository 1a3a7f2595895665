//! `GET /keys`: all keys of principals. They are few: this list has no pages.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::principal_keys::Listed;
use crate::verbs::principal_keys;

/// The keys.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Keys {
    items: Vec<Listed>,
}

/// Lists the keys under which principals ask over AMQP, newest first.
#[utoipa::path(get, path = "/keys", tag = "keys", responses((status = 200, body = Keys)))]
pub(in crate::http) async fn list(State(state): State<HttpState>) -> Result<Json<Keys>, Failure> {
    Ok(Json(Keys { items: principal_keys::list(&state.context).await? }))
}

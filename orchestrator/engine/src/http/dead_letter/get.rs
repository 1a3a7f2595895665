//! `GET /dead-letters/{id}`: one dead letter with its headers and its content.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::input::Id;
use chiffon_kernel::http::problem::Failure;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::HttpState;
use crate::store::read::dead_letters::{self, DeadLetter};
use crate::verbs::dead_letters::replay::not_found;

/// A dead letter with its content.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct DeadLetterAnswer {
    #[serde(flatten)]
    letter: DeadLetter,
    /// Its headers.
    #[schema(value_type = Object)]
    headers: Value,
    /// What it says: JSON where it is, else text (with what is not UTF-8 replaced). Empty when it was purged, cut when it was too large.
    #[schema(value_type = Object)]
    body: Value,
}

/// Shows a dead letter.
#[utoipa::path(get, path = "/dead-letters/{id}", tag = "dead letters", params(("id" = Uuid, Path)), responses((status = 200, body = DeadLetterAnswer)))]
pub(in crate::http) async fn get(State(state): State<HttpState>, Id(id): Id) -> Result<Json<DeadLetterAnswer>, Failure> {
    show(&state, id).await.map(Json)
}

pub(super) async fn show(state: &HttpState, id: Uuid) -> Result<DeadLetterAnswer, Failure> {
    let (letter, headers, bytes) = dead_letters::get(state.pool(), id).await?.ok_or_else(|| not_found(id))?;
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Ok(DeadLetterAnswer { letter, headers, body })
}

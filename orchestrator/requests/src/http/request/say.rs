//! `POST /request/{id}/messages`: answers a question, or asks for a change of the plan in words.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body;
use chiffon_kernel::http::idempotency::{Key, once};
use chiffon_kernel::http::input::Id;
use chiffon_kernel::http::problem::Failure;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::HttpState;
use crate::verbs::say;

/// What is said.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SayBody {
    /// The words.
    #[schema(min_length = 1, example = "Use port 3002")]
    text: String,
}

/// Says something about a request.
#[utoipa::path(
    post, path = "/request/{id}/messages", tag = "requests", request_body = SayBody,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, description = "It is planned anew", body = say::Said))
)]
pub(in crate::http) async fn say(
    State(state): State<HttpState>,
    caller: Caller,
    Id(id): Id,
    key: Key,
    body::Json { value, bytes }: body::Json<SayBody>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let given = key.given();
    let work = Box::pin(async {
        let said = say::run(&state.context, &caller.0, id, &value.text, given.as_deref()).await?;
        Ok((StatusCode::ACCEPTED, json!(said)))
    });
    let (status, said) = once(&state, &caller, key, &bytes, work).await?;
    Ok((status, Json(said)))
}

//! `POST /request/{id}/messages`: answers a question, or asks for a change of the plan in words.

use axum::extract::State;
use axum::http::StatusCode;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body::Json;
use chiffon_kernel::http::idempotency::{Answer, Once};
use serde::Deserialize;
use utoipa::ToSchema;

use super::id::{self, RequestId};
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
    params(("id" = Uuid, Path, description = id::WORDS), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, description = "It is planned anew", body = say::Said))
)]
pub(in crate::http) async fn say(State(state): State<HttpState>, RequestId(id): RequestId, call: Once<Json<SayBody>>) -> Answer {
    let key = call.key.given();
    let work = |caller: Caller, body: SayBody| async move { say::run(&state.context, &caller.0, id, &body.text, key.as_deref()).await };
    call.answer(StatusCode::ACCEPTED, work).await
}

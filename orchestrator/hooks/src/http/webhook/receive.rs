//! `POST /webhooks/{name}`: a signed call of a program, which asks for something once.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chiffon_kernel::http::answer::Trace;
use chiffon_kernel::http::auth::From;
use chiffon_kernel::http::body;
use chiffon_kernel::http::input::Name;
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::ErrorCode;
use serde_json::Value;

use crate::domain::scheme::Call;
use crate::http::HttpState;
use crate::verbs::receive::{self as verb, Received};

/// Takes in a call that is signed with the webhook's secret, and asks what the webhook asks. The same call again asks nothing twice.
#[utoipa::path(
    post, path = "/webhooks/{name}", tag = "webhooks", params(("name" = String, Path)), request_body = Object,
    responses(
        (status = 202, description = "It is taken in; `outcome` says what became of it", body = Received),
        (status = 401, description = "It is not signed with the webhook's secret"),
        (status = 429, description = "Too much that does not count has come from this address")
    )
)]
pub(in crate::http) async fn receive(
    State(state): State<HttpState>,
    From(peer): From,
    trace: Trace,
    Name(name): Name,
    headers: HeaderMap,
    body::Json { value, bytes }: body::Json<Value>,
) -> Result<(StatusCode, Json<Received>), Failure> {
    let hook = state.context.hook(&name)?;
    let now = state.context.clock.elapsed();
    state.limits.may_try(peer, &[], now)?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let call = Call {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        hub_signature: header("x-hub-signature-256"),
        authorization: header("authorization"),
        gitlab_token: header("x-gitlab-token"),
        idempotency_key: header("idempotency-key"),
        body: &bytes,
    };
    match verb::run(&state.context, hook, &call, &value, (trace.id, trace.span)).await {
        Ok(received) => Ok((StatusCode::ACCEPTED, Json(received))),
        Err(problem) if problem.code == ErrorCode::WebhookRefused => Err(state.limits.does_not_count(peer, now, problem.into())),
        Err(problem) => Err(problem.into()),
    }
}

//! `POST /request`: asks for something in plain words. `?wait=30s` answers when there is a plan, a question or an end.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chiffon_kernel::http::answer::Trace;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body;
use chiffon_kernel::http::idempotency::{Key, once};
use chiffon_kernel::http::input::{Params, parse_wait};
use chiffon_kernel::http::problem::Failure;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::get::{RequestAnswer, show};
use crate::domain::request::Status;
use crate::http::HttpState;
use crate::store::read::request;
use crate::verbs::submit;

/// What is asked for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SubmitBody {
    /// The words.
    #[schema(min_length = 1, example = "Deploy Kuma Uptime to nas and add our existing portals")]
    text: String,
    /// Groups requests of one chat.
    conversation_id: Option<Uuid>,
    /// When the asker has no more use for it.
    deadline: Option<DateTime<Utc>>,
    /// The most that it may cost.
    max_cost_usd: Option<f64>,
    /// Higher goes first.
    priority: Option<i32>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct SubmitQuery {
    /// Answer only when there is a plan, a question or an end, or after this time (`30s`).
    #[param(pattern = "^[0-9]{1,6}(ms|s|m)?$")]
    wait: Option<String>,
}

/// Asks for something. With an `Idempotency-Key`, the same call again asks nothing twice.
#[utoipa::path(
    post, path = "/request", tag = "requests", request_body = SubmitBody, params(SubmitQuery, ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, description = "It is stored and will be planned", body = RequestAnswer))
)]
pub(in crate::http) async fn submit(
    State(state): State<HttpState>,
    caller: Caller,
    Trace(trace_id): Trace,
    Params(query): Params<SubmitQuery>,
    key: Key,
    body::Json { value, bytes }: body::Json<SubmitBody>,
) -> Result<Response, Failure> {
    let given = key.given();
    let wait = query.wait.as_deref().map(parse_wait).transpose()?;
    // Before anything is done: a call that is refused has asked for nothing.
    let _place = wait.map(|_| state.limits.wait(&caller.0)).transpose()?;
    let work = Box::pin(async {
        let input = submit::Submit {
            text: value.text,
            conversation_id: value.conversation_id,
            deadline: value.deadline,
            max_cost_usd: value.max_cost_usd,
            priority: value.priority,
            trace_id: Some(trace_id),
            idempotency_key: given,
            message: None,
            origin: None,
        };
        let submitted = submit::run(&state.context, &caller.0, input).await?;
        let shown = show(&state, &caller, submitted.request_id).await?;
        Ok((StatusCode::ACCEPTED, json!(shown)))
    });
    let (status, stored) = once(&state, &caller, key, &bytes, work).await?;
    let request_id = stored.get("request_id").and_then(|id| id.as_str()).and_then(|id| id.parse::<Uuid>().ok());
    let (Some(wait), Some(request_id)) = (wait, request_id) else {
        let answer = match request_id {
            // Its orchestrator died between storing the request and showing it.
            Some(request_id) if stored.get("status").is_none() => json!(show(&state, &caller, request_id).await?),
            _ => stored,
        };
        return Ok((status, Json(answer)).into_response());
    };
    until_planned(&state, request_id, wait.min(state.options.max_wait)).await?;
    Ok((status, Json(show(&state, &caller, request_id).await?)).into_response())
}

/// Waits until no planner, discovery or preview is at work, but not longer than this and not past the stop.
async fn until_planned(state: &HttpState, request_id: Uuid, wait: Duration) -> Result<(), Failure> {
    let changed = state.live.follow(request_id);
    let until = tokio::time::Instant::now() + wait;
    loop {
        let mut next = std::pin::pin!(changed.notified());
        next.as_mut().enable();
        let status = request::status(state.pool(), request_id).await?.and_then(|word| Status::from_word(&word));
        if !matches!(status, Some(Status::Planning | Status::Discovering | Status::Previewing)) {
            return Ok(());
        }
        let look_again = (tokio::time::Instant::now() + state.options.live_period).min(until);
        tokio::select! {
            () = next => {}
            () = tokio::time::sleep_until(look_again) => {}
            () = state.context.shutdown.draining() => return Ok(()),
        }
        if tokio::time::Instant::now() >= until {
            return Ok(());
        }
    }
}

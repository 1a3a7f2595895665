//! `POST /request`: asks for something in plain words, or for an action by its name. `?wait=30s` answers when there is a plan, a question or an end.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chiffon_kernel::http::answer::Trace;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body::Json;
use chiffon_kernel::http::idempotency::Once;
use chiffon_kernel::http::input::{Params, parse_wait};
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::ErrorCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::get::{RequestAnswer, show};
use crate::domain::asked_action::AskedAction;
use crate::domain::request::Status;
use crate::http::HttpState;
use crate::store::read::request;
use crate::verbs::submit;

/// What is asked for: `text` or `action`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SubmitBody {
    /// The words.
    #[schema(min_length = 1, example = "Deploy Kuma Uptime to nas and add our existing portals")]
    text: Option<String>,
    /// Instead of words: an action, which needs no planner to be understood.
    action: Option<AskedAction>,
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
    trace: Trace,
    Params(query): Params<SubmitQuery>,
    call: Once<Json<SubmitBody>>,
) -> Result<Response, Failure> {
    let caller = call.caller.clone();
    let key = call.key.given();
    let wait = query.wait.as_deref().map(parse_wait).transpose()?;
    // Before anything is done: a call that is refused has asked for nothing.
    let _place = wait.map(|_| state.limits.wait(&caller.0)).transpose()?;
    let asked = &state;
    let work = |caller: Caller, body: SubmitBody| async move {
        let (text, action) = asked_for(body.text, body.action)?;
        let input = submit::Submit {
            text,
            action,
            conversation_id: body.conversation_id,
            deadline: body.deadline,
            max_cost_usd: body.max_cost_usd,
            priority: body.priority,
            trace_id: Some(trace.id),
            asked_by: Some(trace.span),
            idempotency_key: key,
            message: None,
            origin: None,
        };
        let submitted = submit::run(&asked.context, &caller.0, input).await?;
        show(asked, &caller, submitted.request_id).await
    };
    let (status, axum::Json(stored)) = call.answer(StatusCode::ACCEPTED, work).await?;
    let request_id = stored.get("request_id").and_then(|id| id.as_str()).and_then(|id| id.parse::<Uuid>().ok());
    let (Some(wait), Some(request_id)) = (wait, request_id) else {
        let answer = match request_id {
            // Its orchestrator died between storing the request and showing it.
            Some(request_id) if stored.get("status").is_none() => json!(show(&state, &caller, request_id).await?),
            _ => stored,
        };
        return Ok((status, axum::Json(answer)).into_response());
    };
    until_planned(&state, request_id, wait.min(state.options.max_wait)).await?;
    Ok((status, axum::Json(show(&state, &caller, request_id).await?)).into_response())
}

/// The words, or the action.
fn asked_for(text: Option<String>, action: Option<AskedAction>) -> Result<(String, Option<AskedAction>), Failure> {
    match (text, action) {
        (Some(text), None) => Ok((text, None)),
        (None, Some(action)) => Ok((String::new(), Some(action))),
        (None, None) => {
            let message = "`text` is missing; say what should be done, or name an `action` with its `hosts` and `parameters` instead";
            Err(Failure::new(ErrorCode::FieldMissing, message).with_details(json!({"field": "text"})))
        }
        (Some(_), Some(_)) => {
            let message = "`text` and `action` both ask for something; send one of them, and the other as a request of its own";
            Err(Failure::new(ErrorCode::InvalidField, message).with_details(json!({"field": "action"})))
        }
    }
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

//! `POST /approve`: approves, rejects or revises exactly the plan that its hash names.

use axum::extract::State;
use axum::http::StatusCode;
use chiffon_kernel::http::auth::{Caller, Proof};
use chiffon_kernel::http::body::Json;
use chiffon_kernel::http::idempotency::{Answer, Once};
use chiffon_kernel::http::input::parse_id;
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::{ErrorCode, Problem};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::get::show_to;
use crate::http::HttpState;
use crate::verbs::{approval_links, decide};

/// A decision about a plan.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct DecideBody {
    /// The request.
    #[schema(format = "uuid")]
    request_id: String,
    /// The hash of the plan that was seen.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    plan_sha256: String,
    /// What is decided.
    decision: decide::Decision,
    /// Why; for a revision, what should change.
    comment: Option<String>,
    /// With `approve`: steps (`step_id`) that do not run. No step that is kept may depend on one.
    #[serde(default)]
    left_out: Vec<String>,
}

impl DecideBody {
    fn input(self, link_id: Option<Uuid>) -> Result<decide::Decide, Failure> {
        let Self { request_id, plan_sha256, decision, comment, left_out } = self;
        Ok(decide::Decide { request_id: parse_id(&request_id)?, plan_sha256, decision, comment, left_out, link_id })
    }
}

/// Decides about a plan. A hash of another plan is refused with 409, and `details.request` shows the plan that stands now.
#[utoipa::path(
    post, path = "/approve", tag = "requests", request_body = DecideBody, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "It is decided", body = decide::Decided))
)]
pub(in crate::http) async fn decide(State(state): State<HttpState>, proof: Proof, call: Once<Json<DecideBody>>) -> Answer {
    // Before anything that was answered once is answered again.
    let link_id = match proof.narrow_session() {
        Some(session_id) => {
            let input = call.body.value.clone().input(None)?;
            Some(approval_links::check(&state.context, session_id, &call.caller.0, &input).await?)
        }
        None => None,
    };
    let work = |caller: Caller, body: DecideBody| async move {
        let input = body.input(link_id)?;
        let request_id = input.request_id;
        match decide::run(&state.context, &caller.0, input).await {
            Err(problem) if problem.code == ErrorCode::StalePlan => {
                let shown = show_to(&state, &caller, proof, request_id).await?;
                Err(Failure::from(with_request(problem, json!(shown))))
            }
            decided => Ok(decided?),
        }
    };
    call.answer(StatusCode::OK, work).await
}

/// The problem, with the request as it stands now beside its details.
fn with_request(problem: Problem, request: Value) -> Problem {
    let mut details = match problem.details.clone() {
        Value::Object(details) => details,
        _ => serde_json::Map::new(),
    };
    details.insert("request".to_owned(), request);
    problem.with_details(Value::Object(details))
}

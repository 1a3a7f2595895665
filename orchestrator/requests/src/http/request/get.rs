//! `GET /request/{id}`: everything about a request, and the calls that make sense now for the one who looks.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chiffon_engine::store::read::tasks::TaskView;
use chiffon_fleet::store::catalogue;
use chiffon_kernel::domain::missing;
use chiffon_kernel::domain::permission::Permission;
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::http::auth::{Caller, Proof};
use chiffon_kernel::http::problem::Failure;
use chiffon_kernel::verbs::holders;
use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::plan::Step;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::id::{self, RequestId};
use crate::domain::permissions::{REQUESTS_APPROVE, REQUESTS_ASK, REQUESTS_MANAGE, TASKS_RESOLVE};
use crate::domain::request::Status;
use crate::domain::scope_of_plan::{Uncovered, to_leave_out, to_run, uncovered};
use crate::http::HttpState;
use crate::store::read::request::{self, RequestView};
use crate::verbs::approval_links;
use crate::verbs::scope_of_plan;

/// A request, as the one who looks sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RequestAnswer {
    #[serde(flatten)]
    pub(super) request: RequestView,
    /// The calls that make sense now: `approve | reject | revise | answer | resolve | pause | resume | cancel`.
    pub(super) next: Vec<&'static str>,
    /// Calls that make sense now and that this caller may make with other plans, but not with all of this one.
    pub(super) denied: Vec<Denied>,
}

/// A call that would be refused, and why.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Denied {
    /// `approve`
    call: &'static str,
    /// The permission that is missing.
    permission: &'static str,
    /// In words: which step on which host, and who may.
    message: String,
    /// What is not covered.
    steps: Vec<Uncovered>,
    /// People who may, by name.
    people: Vec<String>,
    /// Steps without which it would not be refused; empty where nothing would be left.
    leave_out: Vec<String>,
}

/// Shows a request.
#[utoipa::path(get, path = "/request/{id}", tag = "requests", params(("id" = Uuid, Path, description = id::WORDS)), responses((status = 200, body = RequestAnswer)))]
pub(in crate::http) async fn get(
    State(state): State<HttpState>,
    caller: Caller,
    proof: Proof,
    RequestId(id): RequestId,
) -> Result<Json<RequestAnswer>, Failure> {
    show_to(&state, &caller, proof, id).await.map(Json)
}

/// The request as this caller sees it.
pub(super) async fn show(state: &HttpState, caller: &Caller, id: Uuid) -> Result<RequestAnswer, Failure> {
    let request = request::get(state.pool(), &state.context.settings.kinds, id).await?.ok_or_else(|| missing::request(id))?;
    let principal = &caller.0;
    // Who was given nothing for a part holds all that they hold everywhere, and no inventory has to be looked at.
    let fleet = if principal.grants.is_empty() {
        Arc::default()
    } else {
        let mut connection = state.context.store.acquire().await?;
        catalogue::fleet(&mut connection).await?
    };
    let next = next_for(principal, &request, &fleet);
    let denied = denied(state, principal, &request, &fleet).await?;
    Ok(RequestAnswer { request, next, denied })
}

/// The steps that an approval would let run.
fn steps_of(request: &RequestView) -> Vec<&Step> {
    to_run(request.plan.iter().flat_map(|plan| &plan.steps).map(|step| &step.step), &[])
}

/// Why this caller, who may approve some plans, may not approve this one.
async fn denied(state: &HttpState, caller: &Principal, request: &RequestView, fleet: &Fleet) -> Result<Vec<Denied>, Failure> {
    let waits = Status::from_word(&request.status).is_some_and(|status| status.next_calls().contains(&"approve"));
    if !waits || !caller.may_somewhere(&REQUESTS_APPROVE) || caller.may_everywhere(&REQUESTS_APPROVE) {
        return Ok(Vec::new());
    }
    let steps = steps_of(request);
    let missing = uncovered(caller, &REQUESTS_APPROVE, &steps, fleet);
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let covers = |other: &Principal| uncovered(other, &REQUESTS_APPROVE, &steps, fleet).is_empty();
    let mut connection = state.context.store.acquire().await?;
    let people = holders::names(&state.context, &mut connection, &REQUESTS_APPROVE, caller.id, covers).await?;
    let mut problem = scope_of_plan::denial(caller, &REQUESTS_APPROVE, &missing);
    holders::tell(&mut problem, people.clone());
    let leave_out = to_leave_out(&steps, &missing);
    let denied = Denied { call: "approve", permission: REQUESTS_APPROVE.name, message: problem.message, steps: missing, people, leave_out };
    Ok(vec![denied])
}

/// The same for whom a narrow session may have signed in: it can do less.
pub(super) async fn show_to(state: &HttpState, caller: &Caller, proof: Proof, id: Uuid) -> Result<RequestAnswer, Failure> {
    let mut shown = show(state, caller, id).await?;
    if let Some(session_id) = proof.narrow_session() {
        let sha256 = shown.request.plan.as_ref().and_then(|plan| plan.sha256.as_deref()).unwrap_or_default();
        let link = approval_links::link_to(&state.context, session_id, id, sha256).await?;
        shown.next.retain(|call| link.is_some() && matches!(*call, "approve" | "reject"));
    }
    Ok(shown)
}

/// The calls that make sense in this state and that this caller may make.
fn next_for(caller: &Principal, request: &RequestView, fleet: &Fleet) -> Vec<&'static str> {
    let Some(status) = Status::from_word(&request.status) else { return Vec::new() };
    let steps = steps_of(request);
    let holds = |permission: &Permission| {
        caller.may_somewhere(permission)
            && (!steps.is_empty() || caller.may_everywhere(permission))
            && uncovered(caller, permission, &steps, fleet).is_empty()
    };
    let own_or_operator = holds(&REQUESTS_MANAGE) || (caller.may_somewhere(&REQUESTS_ASK) && caller.name == request.requested_by);
    let decides = holds(&REQUESTS_APPROVE);
    let policy = request.plan.as_ref().map(|plan| &plan.policy);
    let may_approve_own = policy.and_then(|policy| policy.get("self_approval")).and_then(Value::as_bool).unwrap_or(true);
    let may = |call: &str| match call {
        "approve" => decides && (may_approve_own || caller.name != request.requested_by),
        "reject" => decides,
        "revise" | "answer" | "cancel" => own_or_operator,
        "pause" => own_or_operator && request.held_at.is_none(),
        "resume" => own_or_operator && (request.held_at.is_some() || status == Status::Paused),
        "resolve" => own_or_operator && holds(&TASKS_RESOLVE) && request.tasks.iter().any(TaskView::needs_a_person),
        _ => false,
    };
    status.next_calls().iter().copied().filter(|call| may(call)).collect()
}

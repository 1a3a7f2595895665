//! `GET /request/{id}`: everything about a request, and the calls that make sense now for the one who looks.

use axum::Json;
use axum::extract::State;
use chiffon_engine::store::read::tasks::TaskView;
use chiffon_kernel::domain::missing;
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::domain::scope::Target;
use chiffon_kernel::http::auth::{Caller, Proof};
use chiffon_kernel::http::problem::Failure;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::id::{self, RequestId};
use crate::domain::permissions::{REQUESTS_APPROVE, REQUESTS_ASK, REQUESTS_MANAGE, TASKS_RESOLVE};
use crate::domain::request::Status;
use crate::http::HttpState;
use crate::store::read::request::{self, RequestView};
use crate::verbs::approval_links;

/// A request, as the one who looks sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RequestAnswer {
    #[serde(flatten)]
    pub(super) request: RequestView,
    /// The calls that make sense now: `approve | reject | revise | answer | resolve | pause | resume | cancel`.
    pub(super) next: Vec<&'static str>,
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
    Ok(RequestAnswer { next: next_for(&caller.0, &request), request })
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
fn next_for(caller: &Principal, request: &RequestView) -> Vec<&'static str> {
    let Some(status) = Status::from_word(&request.status) else { return Vec::new() };
    let holds = |permission| caller.may(permission, Target::ALL);
    let own_or_operator = holds(&REQUESTS_MANAGE) || (holds(&REQUESTS_ASK) && caller.name == request.requested_by);
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

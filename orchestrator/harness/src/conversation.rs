//! Requests as people make them: asked, planned, decided about, and their tasks ended as an agent would.

use chiffon_kernel::domain::role::Principal;
use chiffon_protocol::Problem;
use chiffon_requests::domain::origin::Origin;
use chiffon_requests::verbs::decide::{self, Decide, Decided, Decision};
use chiffon_requests::verbs::submit::{self, Submit};
use uuid::Uuid;

use crate::app::TestApp;

/// Needs one approver, and can't be previewed.
pub const RESTART: &str = "restart the service nginx on nas";
/// Changes nothing.
pub const REPORT: &str = "disk space on nas";
/// Finds portals first, and is previewed.
pub const DEPLOY: &str = "Deploy Kuma Uptime to nas and add our existing portals";

/// Asks; the request.
pub async fn ask(app: &TestApp, principal: &Principal, text: &str) -> Uuid {
    let input = Submit { text: text.to_owned(), ..Submit::default() };
    submit::run(&app.context, principal, input).await.expect("it is taken").request_id
}

/// Asks in somebody's name, as something that begins requests by itself.
pub async fn ask_from(app: &TestApp, principal: &Principal, origin: (&str, &str), text: &str) -> Uuid {
    let origin = Origin::of(origin.0, origin.1).expect("an origin");
    let input = Submit { text: text.to_owned(), origin: Some(origin), ..Submit::default() };
    submit::run(&app.context, principal, input).await.expect("it is taken").request_id
}

/// Asks and lets a planner plan.
pub async fn planned(app: &TestApp, principal: &Principal, text: &str) -> Uuid {
    let request_id = ask(app, principal, text).await;
    app.plan().await;
    request_id
}

/// Decides about the current plan.
pub async fn decide(
    app: &TestApp,
    principal: &Principal,
    request_id: Uuid,
    decision: Decision,
    comment: Option<&str>,
) -> Result<Decided, Problem> {
    let plan_sha256 = app.plan_sha256(request_id).await;
    decide_about(app, principal, request_id, &plan_sha256, decision, comment).await
}

/// Decides about the plan of this hash.
pub async fn decide_about(
    app: &TestApp,
    principal: &Principal,
    request_id: Uuid,
    plan_sha256: &str,
    decision: Decision,
    comment: Option<&str>,
) -> Result<Decided, Problem> {
    let input = Decide {
        request_id,
        plan_sha256: plan_sha256.to_owned(),
        decision,
        comment: comment.map(str::to_owned),
        left_out: Vec::new(),
        link_id: None,
    };
    decide::run(&app.context, principal, input).await
}

/// Ends all open tasks of a purpose as an agent's result would, and lets the request move on.
pub async fn end_tasks(app: &TestApp, request_id: Uuid, purpose: &str, status: &str, outputs: serde_json::Value) {
    let mut work = app.context.begin().await.expect("the database answers");
    sqlx::query(
        "UPDATE tasks
        SET status = $3, outputs = $4, changed = $3 = 'completed', finished_at = now(),
            error = CASE WHEN $3 = 'failed' THEN '{\"code\": 5504, \"message\": \"no space left on nas\"}'::jsonb END
        WHERE request_id = $1 AND purpose = $2 AND finished_at IS NULL",
    )
    .bind(request_id)
    .bind(purpose)
    .bind(status)
    .bind(outputs)
    .execute(&mut *work)
    .await
    .expect("the tasks end");
    chiffon_requests::verbs::advance_request::run(&app.context, &mut work, &[request_id]).await.expect("it moves on");
    work.commit().await.expect("the database answers");
}

/// How many tasks a request has.
pub async fn tasks(app: &TestApp, request_id: Uuid) -> i64 {
    app.number("SELECT count(*) FROM tasks WHERE request_id = $1", request_id).await
}

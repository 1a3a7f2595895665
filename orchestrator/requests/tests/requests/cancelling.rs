//! Cancelling in each state: what it ends, and what it answers.

use chiffon_harness::app::TestApp;
use chiffon_harness::conversation::{DEPLOY, REPORT, RESTART, ask, decide, end_tasks, planned};
use chiffon_kernel::domain::role::Role;
use chiffon_protocol::ErrorCode;
use chiffon_requests::verbs::cancel;
use chiffon_requests::verbs::decide::Decision::Approve;
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn before_anything_runs_a_request_is_cancelled_at_once() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let planning = ask(&app, &ann, RESTART).await;
    let cancelled = cancel::run(&app.context, &ann, planning, Some("changed my mind")).await.expect("it is taken");
    assert_eq!((cancelled.status.as_str(), cancelled.text.as_str()), ("cancelled", "Nothing had begun; the request is `cancelled`."));
    app.plan().await;
    assert_eq!(app.status(planning).await, "cancelled", "a planner that comes later changes nothing");
    for (text, state) in [("paint the fence green", "needs_input"), (RESTART, "awaiting_approval"), (DEPLOY, "discovering")] {
        let request_id = planned(&app, &ann, text).await;
        assert_eq!(app.status(request_id).await, state);
        cancel::run(&app.context, &ann, request_id, None).await.expect("it is taken");
        assert_eq!(app.status(request_id).await, "cancelled");
        let open = app.number("SELECT count(*) FROM tasks WHERE request_id = $1 AND finished_at IS NULL", request_id).await;
        assert_eq!(open, 0, "no task of a cancelled {state} request is left");
    }
}

#[tokio::test]
async fn what_had_not_begun_never_begins() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let (ann, bob) = (app.person("ann", Role::Requester).await, app.person("bob", Role::Approver).await);
    let request_id = planned(&app, &ann, RESTART).await;
    decide(&app, &bob, request_id, Approve, None).await.expect("it is taken");
    let cancelled = cancel::run(&app.context, &ann, request_id, None).await.expect("it is taken");
    assert_eq!(cancelled.status.as_str(), "cancelled");
    assert_eq!((cancelled.stopped.len(), cancelled.stopping.len(), cancelled.done.len()), (1, 0, 0));
}

#[tokio::test]
async fn what_is_finished_can_not_be_cancelled() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, REPORT).await;
    end_tasks(&app, request_id, "apply", "completed", json!({})).await;
    assert_eq!(app.status(request_id).await, "completed");
    let late = cancel::run(&app.context, &ann, request_id, None).await.expect_err("it is over");
    assert_eq!(late.code, ErrorCode::AlreadyFinished);
    let task: Uuid =
        sqlx::query_scalar("SELECT id FROM tasks WHERE request_id = $1").bind(request_id).fetch_one(app.pool()).await.expect("a task");
    let late = cancel::run(&app.context, &ann, task, None).await.expect_err("it is over, too");
    assert_eq!(late.code, ErrorCode::AlreadyFinished);
}

#[tokio::test]
async fn one_task_can_be_cancelled_by_its_own_id() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, REPORT).await;
    let task: Uuid =
        sqlx::query_scalar("SELECT id FROM tasks WHERE request_id = $1").bind(request_id).fetch_one(app.pool()).await.expect("a task");
    let cancelled = cancel::run(&app.context, &ann, task, None).await.expect("it is taken");
    assert_eq!(cancelled.stopped.first().map(|stopped| stopped.task_id), Some(task));
    assert_eq!(app.status(request_id).await, "cancelled", "it was the only one");
}

#[tokio::test]
async fn people_cancel_their_own_and_operators_anybodys() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let (rob, oscar) = (app.person("rob", Role::Requester).await, app.person("oscar", Role::Operator).await);
    let request_id = planned(&app, &ann, RESTART).await;
    let refused = cancel::run(&app.context, &rob, request_id, None).await.expect_err("it is not his");
    assert_eq!(refused.code, ErrorCode::Forbidden);
    let unknown = cancel::run(&app.context, &rob, Uuid::nil(), None).await.expect_err("there is none");
    assert_eq!(unknown.code, ErrorCode::RequestNotFound);
    cancel::run(&app.context, &oscar, request_id, None).await.expect("operators may");
}

#[tokio::test]
async fn what_runs_is_told_to_stop_and_counts_as_running_until_it_has() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let (ann, bob) = (app.person("ann", Role::Requester).await, app.person("bob", Role::Approver).await);
    let request_id = planned(&app, &ann, RESTART).await;
    decide(&app, &bob, request_id, Approve, None).await.expect("it is taken");
    begin_on_agent(&app, request_id).await;
    let cancelled = cancel::run(&app.context, &ann, request_id, None).await.expect("it is taken");
    assert_eq!((cancelled.status.as_str(), cancelled.text.as_str()), ("running", "Told to stop: Restart a service on nas (at 40 %)."));
    let control = app.text("SELECT envelope #>> '{payload,command}' FROM outbox WHERE request_id = $1", request_id).await;
    assert_eq!(control.as_deref(), Some("cancel"));
    app.relay().await;
    end_tasks(&app, request_id, "apply", "cancelled", json!({})).await;
    assert_eq!(app.status(request_id).await, "cancelled");
}

#[tokio::test]
async fn what_completes_before_it_could_stop_is_completed() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, REPORT).await;
    begin_on_agent(&app, request_id).await;
    cancel::run(&app.context, &ann, request_id, None).await.expect("it is taken");
    app.relay().await;
    end_tasks(&app, request_id, "apply", "completed", json!({})).await;
    assert_eq!(app.status(request_id).await, "completed");
}

/// What a granted claim and a first status leave in the tables.
async fn begin_on_agent(app: &TestApp, request_id: Uuid) {
    sqlx::query(
        "WITH owned AS (
            UPDATE tasks
            SET status = 'running', attempt = 1, offer = 1, progress = 40, started_at = now()
            WHERE request_id = $1
            RETURNING id
        )
        INSERT INTO task_attempts (task_id, attempt, created_at, agent_id, incarnation, claimed_at)
        SELECT id, 1, now(), 'infra-1', 1, now()
        FROM owned",
    )
    .bind(request_id)
    .execute(app.pool())
    .await
    .expect("an agent has it");
}

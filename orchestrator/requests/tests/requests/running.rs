//! How a request moves on with its tasks.

use chiffon_harness::app::TestApp;
use chiffon_harness::conversation::{DEPLOY, REPORT, decide, end_tasks, planned};
use chiffon_kernel::domain::role::Role;
use chiffon_requests::verbs::cancel;
use chiffon_requests::verbs::decide::Decision::{Approve, Reject};
use serde_json::json;

#[tokio::test]
async fn what_discovery_found_is_previewed_approved_and_run() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let (ann, bob) = (app.person("ann", Role::Requester).await, app.person("bob", Role::Approver).await);
    let request_id = planned(&app, &ann, DEPLOY).await;
    let found = json!({"portals": [{"name": "wiki", "url": "http://nas:8080", "source": "compose"}], "count": 1});
    end_tasks(&app, request_id, "discover", "completed", found).await;
    assert_eq!(app.status(request_id).await, "previewing");
    let frozen =
        app.text("SELECT p.body::text FROM requests r JOIN plans p ON p.id = r.plan_id WHERE r.id = $1", request_id).await.expect("a plan");
    assert!(frozen.contains("http://nas:8080"), "the plan holds what was found: {frozen}");
    end_tasks(&app, request_id, "preview", "completed", json!({})).await;
    assert_eq!(app.status(request_id).await, "awaiting_approval");
    decide(&app, &bob, request_id, Approve, None).await.expect("it is taken");
    end_tasks(&app, request_id, "apply", "completed", json!({})).await;
    assert_eq!(app.status(request_id).await, "completed");
    let said = app
        .text("SELECT text FROM messages WHERE request_id = $1 AND sender = 'chiffon' ORDER BY seq DESC LIMIT 1", request_id)
        .await
        .expect("a summary");
    assert!(said.starts_with("Done: ") && said.contains("(changed)"), "{said}");
}

#[tokio::test]
async fn a_discovery_that_fails_asks_what_to_do() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, DEPLOY).await;
    end_tasks(&app, request_id, "discover", "failed", json!({})).await;
    assert_eq!(app.status(request_id).await, "needs_input");
    let waiting = app.text("SELECT waiting_for ->> 'text' FROM requests WHERE id = $1", request_id).await.expect("it says why");
    assert!(waiting.contains("no space left on nas"), "{waiting}");
}

#[tokio::test]
async fn a_preview_that_fails_is_told_and_the_plan_can_still_be_decided_about() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let (ann, bob) = (app.person("ann", Role::Requester).await, app.person("bob", Role::Approver).await);
    let request_id = planned(&app, &ann, DEPLOY).await;
    end_tasks(&app, request_id, "discover", "completed", json!({"portals": [], "count": 0})).await;
    end_tasks(&app, request_id, "preview", "failed", json!({})).await;
    assert_eq!(app.status(request_id).await, "awaiting_approval");
    let waiting = app.text("SELECT waiting_for ->> 'text' FROM requests WHERE id = $1", request_id).await.expect("it says so");
    assert!(waiting.contains("could be previewed") && waiting.contains("no space left"), "{waiting}");
    decide(&app, &bob, request_id, Reject, None).await.expect("it is taken");
}

#[tokio::test]
async fn a_failed_task_fails_the_request_with_its_reason() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, REPORT).await;
    end_tasks(&app, request_id, "apply", "failed", json!({})).await;
    assert_eq!(app.status(request_id).await, "failed");
    let error = app.text("SELECT error ->> 'message' FROM requests WHERE id = $1", request_id).await;
    assert_eq!(error.as_deref(), Some("no space left on nas"));
}

#[tokio::test]
async fn a_task_that_stopped_half_way_needs_a_person_and_cancelling_is_a_decision() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, REPORT).await;
    end_tasks(&app, request_id, "apply", "interrupted", json!({})).await;
    assert_eq!(app.status(request_id).await, "needs_attention");
    let cancelled = cancel::run(&app.context, &ann, request_id, None).await.expect("it is taken");
    assert_eq!(cancelled.status.as_str(), "cancelled");
    assert_eq!(cancelled.done.len(), 1, "what was done half-way is told");
}

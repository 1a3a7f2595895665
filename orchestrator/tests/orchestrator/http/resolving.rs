//! Deciding about what was cut off, and holding a request, as clients call it.

use chiffon_kernel::domain::role::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, App};

/// A running request of Ada's; its path and its task's id.
async fn running(app: &App, ada: &str) -> (String, String) {
    app.announce().await;
    let joan = app.token("joan", Role::Approver).await;
    let (id, sha256) = app.proposed(ada).await;
    let decision = json!({"request_id": id, "plan_sha256": sha256, "decision": "approve"});
    assert_eq!(app.post("/approve", &joan, &decision).await.ok()["status"], "running");
    let shown = app.get(&format!("/request/{id}"), ada).await.ok();
    (format!("/request/{id}"), shown["tasks"][0]["task_id"].as_str().expect("a task").to_owned())
}

/// The task's agent fell silent long ago, and its request says so.
async fn cut_off(app: &App) {
    app.sql(
        "INSERT INTO task_attempts (task_id, attempt, created_at, agent_id, incarnation, claim_id, claimed_at, lease_expires_at)
        SELECT id, 1, now(), 'infra-1', 1, gen_random_uuid(), now(), now() FROM tasks;
        UPDATE tasks SET status = 'unknown', attempt = 1, error = '{\"code\": 5302, \"message\": \"infra-1 is silent\", \"details\": {}}';
        UPDATE requests SET status = 'needs_attention', waiting_for = '{\"what\": \"attention\", \"since\": \"2026-01-31T08:00:00Z\", \"text\": \"a person\"}'",
    )
    .await;
}

async fn resolve(app: &App, token: &str, task: &str, key: &str, body: &Value) -> Answer {
    let call = app.call(Method::POST, &format!("/tasks/{task}/resolve"), token).header("idempotency-key", key);
    Answer::of(call.json(body)).await
}

async fn next(app: &App, path: &str, token: &str) -> Value {
    app.get(path, token).await.ok()["next"].clone()
}

#[tokio::test]
async fn a_decision_is_offered_where_there_is_one_to_be_made_and_is_taken_once() {
    let app = App::start().await;
    let (ada, other) = (app.token("ada", Role::Requester).await, app.token("other", Role::Requester).await);
    let (path, task) = running(&app, &ada).await;
    assert_eq!(next(&app, &path, &ada).await, json!(["pause", "cancel"]));
    let body = json!({"decision": "done", "attempt": 1, "comment": "I looked", "not_running": true});
    assert_eq!(resolve(&app, &ada, &task, "k0", &body).await.code(), 5130);
    cut_off(&app).await;
    assert_eq!(next(&app, &path, &ada).await, json!(["resolve", "pause", "cancel"]));
    assert_eq!(next(&app, &path, &other).await, json!([]));

    assert_eq!(resolve(&app, &other, &task, "k1", &body).await.code(), 5701);
    for (wrong, code) in [
        (json!({"decision": "done", "attempt": 1, "comment": "I looked"}), 5132),
        (json!({"decision": "done", "attempt": 1, "not_running": true}), 5133),
        (json!({"decision": "done", "attempt": 2, "not_running": true, "comment": "I looked"}), 5131),
        (json!({"decision": "forget", "attempt": 1}), 5137),
        (json!({"attempt": 1}), 5136),
        // Without an attempt, the newest one is meant.
        (json!({"decision": "done"}), 5132),
    ] {
        assert_eq!(resolve(&app, &ada, &task, "k1", &wrong).await.code(), code, "{wrong}");
    }
    let first = resolve(&app, &ada, &task, "k1", &body).await;
    let again = resolve(&app, &ada, &task, "k1", &body).await;
    assert_eq!((first.status, &first.body), (StatusCode::OK, &again.body), "the same call is answered the same");
    assert_eq!((&first.body["task_status"], &first.body["request_status"]), (&json!("completed"), &json!("completed")), "{first:?}");
    let late = resolve(&app, &ada, &task, "k2", &body).await;
    assert!(late.code() == 5130 && late.message().contains("ada decided `done`"), "{late:?}");
    let audit = app.get(&format!("/audit?chain={}", path.strip_prefix("/request/").expect("the path of a request")), &ada).await.ok();
    let rows = audit["items"].as_array().expect("rows").iter().filter(|row| row["event"] == "task.resolved").count();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_request_is_held_and_let_go_on_by_who_may_cancel_it() {
    let app = App::start().await;
    let (ada, other) = (app.token("ada", Role::Requester).await, app.token("other", Role::Requester).await);
    let (path, _) = running(&app, &ada).await;
    assert_eq!(app.post(&format!("{path}/pause"), &other, &json!({})).await.code(), 5701);
    let held = app.post(&format!("{path}/pause"), &ada, &json!({"reason": "dinner"})).await.ok();
    assert_eq!((&held["status"], &held["held"]), (&json!("paused"), &json!(true)), "{held}");
    let shown = app.get(&path, &ada).await.ok();
    assert_eq!((&shown["next"], &shown["held_by"]), (&json!(["resume", "cancel"]), &json!("ada")), "{shown:#}");
    assert_eq!(shown["waiting_for"]["what"], "resume");
    assert!(
        shown["waiting_for"]["text"]
            .as_str()
            .is_some_and(|text| text.starts_with("ada paused it: dinner; nothing more begins until `chiffon resume "))
    );
    assert_eq!(app.post(&format!("{path}/pause"), &ada, &json!({})).await.code(), 5115);
    assert_eq!(Answer::of(app.call(Method::POST, &format!("{path}/resume"), &ada)).await.ok()["status"], "running");
    assert_eq!(app.post(&format!("{path}/resume"), &ada, &json!({})).await.code(), 5115);
    cut_off(&app).await;
    assert_eq!(app.post(&format!("{path}/pause"), &ada, &json!({})).await.ok()["status"], "needs_attention");
    assert_eq!(next(&app, &path, &ada).await, json!(["resolve", "resume", "cancel"]));
}

//! A plan is shown, decided about, run and taken back; each step of it as clients see it.

use std::time::Duration;

use chiffon_kernel::domain::role::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::App;

fn decision(request_id: uuid::Uuid, sha256: &str, decision: &str) -> Value {
    json!({"request_id": request_id, "plan_sha256": sha256, "decision": decision})
}

#[tokio::test]
async fn a_request_is_shown_in_the_contracts_shape() {
    let app = App::start().await;
    app.announce().await;
    let (ada, joan) = (app.token("ada", Role::Requester).await, app.token("joan", Role::Approver).await);
    let (id, sha256) = app.proposed(&ada).await;
    let shown = app.get(&format!("/request/{id}"), &joan).await.ok();
    assert_eq!(shown["request_id"], id.to_string());
    assert_eq!(shown["requested_by"], "ada");
    assert_eq!(shown["text"], "polish the lens of nas");
    assert_eq!(shown["waiting_for"]["what"], "approval");
    assert_eq!(shown["plan"]["revision"], 1);
    assert_eq!(shown["plan"]["sha256"], sha256);
    assert_eq!(shown["plan"]["planned_by"], json!({"provider": "offline", "model": null}));
    let step = &shown["plan"]["steps"][0];
    assert_eq!((&step["action"], &step["parameters"]["host"], &step["risk"]), (&json!("polish_lens"), &json!("nas"), &json!("low")));
    assert_eq!((&step["preview"]["status"], &step["preview"]["changes"]), (&json!("none"), &json!([])));
    assert_eq!((&shown["tasks"], &shown["commits"], &shown["cost_usd"]), (&json!([]), &json!([]), &json!(0.0)));
    assert_eq!(shown["messages"][0]["from"], "user");
    assert_eq!(shown["next"], json!(["approve", "reject", "revise", "cancel"]));
    assert_eq!(app.get(&format!("/request/{id}"), &ada).await.ok()["next"], json!(["revise", "cancel"]));
    let viewer = app.token("vic", Role::Viewer).await;
    assert_eq!(app.get(&format!("/request/{id}"), &viewer).await.ok()["next"], json!([]));
}

#[tokio::test]
async fn a_requester_who_approves_is_told_which_role_it_needs() {
    let app = App::start().await;
    app.announce().await;
    let ada = app.token("ada", Role::Requester).await;
    let (id, sha256) = app.proposed(&ada).await;
    let answer = app.post("/approve", &ada, &decision(id, &sha256, "approve")).await;
    assert_eq!((answer.code(), answer.status), (5701, StatusCode::FORBIDDEN));
    assert_eq!(
        answer.body["details"],
        json!({"role": "requester", "needed": "approver", "permission": "requests.approve", "roles": ["approver", "admin"]})
    );
    assert_eq!(app.get(&format!("/request/{id}"), &ada).await.ok()["status"], "awaiting_approval");
}

#[tokio::test]
async fn a_stale_hash_is_refused_and_shows_the_plan_that_stands_now() {
    let app = App::start().await;
    app.announce().await;
    let joan = app.token("joan", Role::Approver).await;
    let (id, first) = app.proposed(&joan).await;
    app.post(&format!("/request/{id}/messages"), &joan, &json!({"text": "use 7 strokes"})).await.ok();
    app.plan(id).await;
    let answer = app.post("/approve", &joan, &decision(id, &first, "approve")).await;
    assert_eq!((answer.code(), answer.status), (5107, StatusCode::CONFLICT));
    let now = &answer.body["details"]["request"];
    assert_eq!((&now["status"], &now["plan"]["revision"]), (&json!("awaiting_approval"), &json!(2)), "{now:#}");
    assert_eq!(now["plan"]["steps"][0]["parameters"]["strokes"], 7);
    let sha256 = now["plan"]["sha256"].as_str().expect("a hash");
    assert_ne!(sha256, first);
    app.post("/approve", &joan, &decision(id, sha256, "approve")).await.ok();
}

#[tokio::test]
async fn approving_twice_runs_once_and_cancelling_tells_what_was_stopped() {
    let app = App::start().await;
    app.announce().await;
    let joan = app.token("joan", Role::Approver).await;
    let (id, sha256) = app.proposed(&joan).await;
    let approved = app.post("/approve", &joan, &decision(id, &sha256, "approve")).await.ok();
    assert_eq!(approved["status"], "running");
    assert_eq!(app.post("/approve", &joan, &decision(id, &sha256, "approve")).await.code(), 5108);
    let shown = app.get(&format!("/request/{id}"), &joan).await.ok();
    let task = &shown["tasks"][0];
    assert_eq!(
        (shown["tasks"].as_array().map(Vec::len), &task["purpose"], &shown["next"]),
        (Some(1), &json!("apply"), &json!(["pause", "cancel"]))
    );
    assert_eq!(shown["plan"]["approvals"][0]["by"], "joan");
    let task_id = task["task_id"].as_str().expect("an id");
    let detail = app.get(&format!("/tasks/{task_id}"), &joan).await.ok();
    assert_eq!((&detail["request_id"], &detail["parameters"]["host"], &detail["attempts"]), (&json!(id), &json!("nas"), &json!([])));

    let cancelled = app.post(&format!("/cancel/{id}"), &joan, &json!({"reason": "not today"})).await.ok();
    assert_eq!((&cancelled["status"], &cancelled["stopped"][0]["task_id"]), (&json!("cancelled"), &json!(task_id)), "{cancelled:#}");
    let again = app.post(&format!("/cancel/{id}"), &joan, &json!({})).await;
    assert_eq!((again.code(), again.status), (5109, StatusCode::CONFLICT));
    let shown = app.get(&format!("/request/{id}"), &joan).await.ok();
    assert_eq!((&shown["status"], &shown["next"]), (&json!("cancelled"), &json!([])));
    assert_eq!(app.get(&format!("/audit/verify?chain={id}"), &joan).await.ok()["ok"], true);
}

#[tokio::test]
async fn a_long_poll_answers_when_there_is_a_plan_and_at_the_latest_when_its_time_is_over() {
    let app = App::start().await;
    app.announce().await;
    let ada = app.token("ada", Role::Requester).await;
    let body = json!({"text": "polish the lens of nas"});
    let over = app.post("/request?wait=50ms", &ada, &body).await;
    assert_eq!((over.status, &over.body["status"]), (StatusCode::ACCEPTED, &json!("planning")));

    let asking = app.post("/request?wait=20s", &ada, &body);
    let planning = async {
        let id = chiffon_testkit::until("the second request", Duration::from_secs(5), async || {
            let ids: Vec<uuid::Uuid> =
                sqlx::query_scalar("SELECT id FROM requests ORDER BY id").fetch_all(app.context.store.pool()).await.expect("ids");
            ids.get(1).copied().ok_or(ids.len())
        })
        .await;
        app.plan(id).await;
    };
    let (answer, ()) = tokio::join!(asking, planning);
    assert_eq!((answer.status, &answer.body["status"]), (StatusCode::ACCEPTED, &json!("awaiting_approval")), "{answer:?}");
}

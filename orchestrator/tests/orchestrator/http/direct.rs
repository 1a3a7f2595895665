//! Asking without words: an action by its name, with hosts and parameters.

use chiffon_kernel::domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, App};

/// An app with an agent that restarts containers, and somebody who asks.
async fn app() -> (App, String) {
    let app = App::start().await;
    app.announce().await;
    app.announce_action(&json!({
        "name": "restart_container", "title": "Restart a container", "description": "Restarts one container of a host.",
        "examples": ["restart the container kuma on nas"], "agent_type": "infrastructure", "target": {"parameter": "host"},
        "parameters": {"type": "object", "required": ["host", "container"], "properties": {
            "host": {"type": "string", "format": "inventory-host"},
            "container": {"type": "string", "pattern": "^[a-z][a-z0-9-]*$", "maxLength": 40},
            "wait_seconds": {"type": "integer", "minimum": 1, "maximum": 600, "default": 10},
            "portals": {"type": "array", "items": {"$ref": "types#/portal"}},
            "password": {"type": "string", "secret": true}}},
        "risk": "medium", "repeatable": "yes", "check": "none", "timeout_seconds": 60,
    }))
    .await;
    let token = app.token("ada", Role::Operator).await;
    (app, token)
}

async fn requests(app: &App) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM requests").fetch_one(app.context.store.pool()).await.expect("a count")
}

fn kuma() -> Value {
    json!({"action": {"name": "restart_container", "hosts": ["nas"], "parameters": {"container": "kuma"}}})
}

async fn planned(app: &App, token: &str, body: &Value) -> Value {
    let id: Uuid = app.post("/request", token, body).await.ok()["request_id"].as_str().expect("an id").parse().expect("an id");
    app.plan(id).await;
    app.get(&format!("/request/{id}"), token).await.ok()
}

#[tokio::test]
async fn an_action_by_its_name_becomes_a_plan_that_no_model_was_asked_for() {
    let (app, token) = app().await;
    let shown = planned(&app, &token, &kuma()).await;
    assert_eq!((&shown["status"], &shown["text"]), (&json!("awaiting_approval"), &json!("Restart a container on nas: container = kuma")));
    assert_eq!(shown["action"], json!({"name": "restart_container", "hosts": ["nas"], "parameters": {"container": "kuma"}}));
    let plan = &shown["plan"];
    assert_eq!((&plan["planned_by"], &shown["cost_usd"]), (&json!({"provider": "direct", "model": null}), &json!(0.0)));
    let expected = json!({"host": "nas", "container": "kuma", "wait_seconds": 10});
    assert_eq!((&plan["steps"][0]["parameters"], &plan["steps"][0]["hosts"]), (&expected, &json!(["nas"])));
    let calls: i64 = sqlx::query_scalar("SELECT count(*) FROM llm_calls").fetch_one(app.context.store.pool()).await.expect("a count");
    assert_eq!(calls, 0);
    let kept: Value = sqlx::query_scalar("SELECT data -> 'action' FROM audit_log WHERE event = 'request.submitted'")
        .fetch_one(app.context.store.pool())
        .await
        .expect("the audit trail has it");
    assert_eq!(kept, shown["action"]);
    let decision = json!({"request_id": shown["request_id"], "plan_sha256": plan["sha256"], "decision": "approve"});
    let approver = app.token("joan", Role::Approver).await;
    app.post("/approve", &approver, &decision).await.ok();
    assert_eq!(app.get(&format!("/request/{}", shown["request_id"].as_str().expect("an id")), &token).await.ok()["status"], "running");
}

#[tokio::test]
async fn it_runs_the_same_as_what_words_ask_for_and_words_revise_it() {
    let (app, token) = app().await;
    let by_name = planned(&app, &token, &kuma()).await;
    let by_words = planned(&app, &token, &json!({"text": "restart the container kuma on nas"})).await;
    assert_eq!(by_words["action"], Value::Null);
    assert_eq!(by_words["plan"]["planned_by"]["provider"], "offline");
    assert_eq!(by_name["plan"]["steps_sha256"], by_words["plan"]["steps_sha256"], "who stands for the one stands for the other");

    let id = by_name["request_id"].as_str().expect("an id");
    app.post(&format!("/request/{id}/messages"), &token, &json!({"text": "use 30 wait seconds"})).await.ok();
    app.plan(id.parse().expect("an id")).await;
    let revised = app.get(&format!("/request/{id}"), &token).await.ok();
    let (plan, step) = (&revised["plan"], &revised["plan"]["steps"][0]);
    assert_eq!((&plan["revision"], &plan["planned_by"]["provider"]), (&json!(2), &json!("offline")), "{revised:#}");
    assert_eq!((&step["parameters"]["wait_seconds"], &step["parameters"]["container"]), (&json!(30), &json!("kuma")));
    assert_eq!(revised["text"], by_name["text"], "what was asked stays as it was asked");
}

#[tokio::test]
async fn every_mistake_is_answered_at_its_field_and_nothing_is_stored() {
    let (app, token) = app().await;
    let portal = json!([{"name": "Jellyfin", "url": "http://nas:8096"}, {"name": "", "url": 5}]);
    for (action, fields) in [
        (json!({"name": "restart_contaner", "hosts": ["nas"]}), vec![("action.name", 5006)]),
        (json!({"name": "restart_container"}), vec![("action.hosts", 5111), ("action.parameters.container", 5111)]),
        (json!({"name": "restart_container", "hosts": ["nass"], "parameters": {"container": "kuma"}}), vec![("action.hosts.0", 5112)]),
        (
            json!({"name": "restart_container", "hosts": ["nas"], "parameters": {"container": "Kuma 1", "wait_seconds": 0, "contaner": "x"}}),
            vec![("action.parameters.container", 5111), ("action.parameters.contaner", 5111), ("action.parameters.wait_seconds", 5111)],
        ),
        (
            json!({"name": "restart_container", "hosts": ["nas"], "parameters": {"container": "kuma", "wait_seconds": "soon"}}),
            vec![("action.parameters.wait_seconds", 5111)],
        ),
        (
            json!({"name": "restart_container", "hosts": ["nas"], "parameters": {"container": "kuma", "password": "hunter2"}}),
            vec![("action.parameters.password", 5139)],
        ),
        (
            json!({"name": "restart_container", "hosts": ["nas"], "parameters": {"container": "${steps.a.outputs.b}"}}),
            vec![("action.parameters.container", 5113)],
        ),
        (
            json!({"name": "restart_container", "hosts": ["nas"], "parameters": {"container": "kuma", "portals": portal}}),
            vec![("action.parameters.portals.1.name", 5111), ("action.parameters.portals.1.url", 5111)],
        ),
    ] {
        let answer = app.post("/request", &token, &json!({"action": action})).await;
        assert_eq!((answer.code(), answer.status.as_u16()), (5147, 422), "{action}: {answer:?}");
        let problems = answer.body["details"]["problems"].as_array().expect("problems");
        let found: Vec<(&str, u64)> =
            problems.iter().map(|one| (one["field"].as_str().expect("a field"), one["code"].as_u64().expect("a code"))).collect();
        assert_eq!(found, fields, "{answer:?}");
        assert!(problems.iter().all(|one| one["message"].as_str().is_some_and(|text| !text.is_empty())), "{answer:?}");
        assert!(!answer.body.to_string().contains("hunter2"), "{answer:?}");
    }
    let strange = json!({"action": {"name": "restart_container", "hosts": ["nas"], "parameters": {"container": "kuma", "zzzzzzzz": 1}}});
    let refused = app.post("/request", &token, &strange).await;
    assert!(refused.message().contains("there is no such parameter. The parameters are "), "{}", refused.message());
    assert_eq!(requests(&app).await, 0);
}

#[tokio::test]
async fn words_and_an_action_are_not_asked_for_together_and_its_body_is_read_strictly() {
    let (app, token) = app().await;
    let both = json!({"text": "restart kuma", "action": kuma()["action"]});
    for (body, code, field) in [
        (both, 5137, "action"),
        (json!({"action": "restart_container"}), 5137, "action"),
        (json!({"action": {"name": "restart_container", "host": "nas"}}), 5104, "host"),
        (json!({"action": {"hosts": ["nas"]}}), 5136, "name"),
        (json!({"action": {"name": "restart_container", "hosts": "nas"}}), 5137, "hosts"),
        (json!({"action": null}), 5136, "text"),
    ] {
        let answer = app.post("/request", &token, &body).await;
        assert_eq!(answer.code(), code, "{body}: {answer:?}");
        assert!(answer.body["details"]["field"].as_str().is_some_and(|told| told.ends_with(field)), "{body}: {answer:?}");
    }
    let password = json!({"action": {"name": "restart_container", "hosts": ["nas"],
        "parameters": {"container": "kuma", "portals": [{"name": "x", "url": "http://u:hunter2@nas"}]}}});
    let answer = app.post("/request", &token, &password).await;
    assert_eq!((answer.code(), &answer.body["details"]["field"]), (5138, &json!("action.parameters.portals")), "{answer:?}");
    assert!(!answer.body.to_string().contains("hunter2"), "{answer:?}");
    assert_eq!(requests(&app).await, 0);
}

#[tokio::test]
async fn it_is_asked_once_under_a_key_and_only_by_who_may_ask() {
    let (app, token) = app().await;
    let ask = async |body: &Value| Answer::of(app.call(Method::POST, "/request", &token).header("idempotency-key", "k1").json(body)).await;
    let (first, again) = (ask(&kuma()).await, ask(&kuma()).await);
    assert_eq!((&first.body["request_id"], again.header("idempotency-replayed")), (&again.body["request_id"], "true"));
    let other = json!({"action": {"name": "restart_container", "hosts": ["nas"], "parameters": {"container": "wiki"}}});
    assert_eq!(ask(&other).await.code(), 5118);
    assert_eq!(requests(&app).await, 1);
    let viewer = app.token("vera", Role::Viewer).await;
    assert_eq!(app.post("/request", &viewer, &kuma()).await.code(), 5701);
    let late = json!({"action": kuma()["action"], "deadline": "2020-01-01T00:00:00Z"});
    assert_eq!(app.post("/request", &token, &late).await.code(), 5111);
}

#[tokio::test]
async fn an_action_that_is_gone_when_it_is_planned_is_asked_about_and_one_that_is_not_offered_is_refused_with_the_reason() {
    let (app, token) = app().await;
    let id: Uuid = app.post("/request", &token, &kuma()).await.ok()["request_id"].as_str().expect("an id").parse().expect("an id");
    app.sql("DELETE FROM agent_actions WHERE name = 'restart_container'").await;
    app.sql("UPDATE agents SET not_offered = '[{\"name\": \"restart_container\", \"code\": 5508, \"reason\": \"no playbook.yml\"}]'").await;
    app.plan(id).await;
    let shown = app.get(&format!("/request/{id}"), &token).await.ok();
    assert_eq!((&shown["status"], &shown["error"]["code"]), (&json!("needs_input"), &json!(5147)), "{shown:#}");
    let refused = app.post("/request", &token, &kuma()).await;
    assert_eq!((refused.code(), &refused.body["details"]["problems"][0]["code"]), (5147, &json!(5410)));
    assert!(refused.message().contains("no playbook.yml"), "{refused:?}");
}

#[tokio::test]
async fn what_it_asks_for_can_not_be_changed_afterwards() {
    let (app, token) = app().await;
    app.post("/request", &token, &kuma()).await.ok();
    let changed = sqlx::query("UPDATE requests SET action = '{\"name\": \"other\"}'").execute(app.context.store.pool()).await;
    assert!(changed.expect_err("it is fixed").to_string().contains("is fixed"));
}

#[tokio::test]
async fn what_is_too_much_to_look_at_is_refused_at_once_and_in_few_words() {
    let (app, token) = app().await;
    let hosts: Vec<String> = (0..60_000).map(|number| format!("x{number}")).collect();
    let parameters: Value = (0..20_000).map(|number| (format!("p{number}"), json!(0))).collect::<serde_json::Map<_, _>>().into();
    let few: Vec<String> = hosts[..60].to_vec();
    for (body, words) in [
        (json!({"name": "restart_container", "hosts": hosts, "parameters": {}}), "60000 are named, and 500 are looked at: name a group"),
        (json!({"name": "restart_container", "hosts": ["nas"], "parameters": parameters}), "20000 are named"),
        (json!({"name": "restart_container", "hosts": few, "parameters": {"container": "kuma"}}), "and 10 more"),
    ] {
        let refused = app.post("/request", &token, &json!({"action": body})).await;
        assert!(refused.code() == 5147 && refused.message().contains(words), "{}", refused.message());
        assert!(refused.body["details"]["problems"].as_array().is_some_and(|problems| problems.len() <= 50));
        assert!(refused.body.to_string().len() < 40_000);
    }
    assert_eq!(requests(&app).await, 0);
}

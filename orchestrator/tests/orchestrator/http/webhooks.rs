//! Webhooks: signed calls of programs, each of which asks once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chiffon_hooks::domain::hook::Webhooks;
use chiffon_kernel::domain::role::Role;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

use super::{Answer, App};

const SECRET: &str = "an open secret of tests";

/// An app with three webhooks: one in words, one for an action, and one that asks in the name of nobody.
async fn app() -> (App, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).expect("a secret");
    let webhooks: Webhooks = serde_json::from_value(json!({"hooks": [
        {"name": "alerts", "signed_by": "standard", "secret_file": file, "asks_as": "watcher", "text": "polish the lens of {{/host}}",
            "only_if": {"/status": "firing"}},
        {"name": "deploy", "signed_by": "github", "secret_file": file, "asks_as": "watcher", "action": "disk_report", "hosts": ["{{/host}}"]},
        {"name": "orphan", "signed_by": "token", "secret_file": file, "asks_as": "nobody", "text": "polish the lens"},
    ]}))
    .expect("webhooks");
    let app = App::with_webhooks(webhooks).await;
    app.announce().await;
    app.program("watcher", Role::Requester).await;
    (app, folder)
}

fn mac(parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// A call as Standard Webhooks signs it, `late` seconds after it was signed.
async fn standard(app: &App, id: &str, body: &Value, late: i64) -> Answer {
    let (text, at) = (body.to_string(), app.context.clock.now().timestamp() - late);
    let signed = format!("v1,{}", BASE64.encode(mac(&[format!("{id}.{at}.").as_bytes(), text.as_bytes()])));
    let call = app.client.post(format!("{}/webhooks/alerts", app.address)).header("content-type", "application/json");
    Answer::of(call.header("webhook-id", id).header("webhook-timestamp", at).header("webhook-signature", signed).body(text)).await
}

async fn requests(app: &App) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM requests").fetch_one(app.context.store.pool()).await.expect("a count")
}

#[tokio::test]
async fn a_signed_call_asks_once_however_often_it_comes() {
    let (app, _folder) = app().await;
    let body = json!({"status": "firing", "host": "nas"});
    let calls = (0..6).map(|_| standard(&app, "evt_1", &body, 0));
    let answers = futures::future::join_all(calls).await;
    // One of those that come at once asks; another is told that it does, and to come again.
    assert!(answers.iter().all(|answer| answer.status == 202 || answer.status == 409), "{answers:?}");
    let again = standard(&app, "evt_1", &body, 0).await.ok();
    assert_eq!((again["outcome"].as_str(), requests(&app).await), (Some("again"), 1));
    let vera = app.token("vera", Role::Viewer).await;
    let id = again["request_id"].as_str().expect("a request");
    let shown = app.get(&format!("/request/{id}"), &vera).await.ok();
    assert_eq!((&shown["text"], &shown["origin"]), (&json!("polish the lens of nas"), &json!({"kind": "webhook", "id": "alerts"})));
    assert_eq!(standard(&app, "evt_1", &json!({"status": "firing", "host": "web1"}), 0).await.code(), 5118, "the same id with other words");
    let passed = standard(&app, "evt_2", &json!({"status": "resolved", "host": "nas"}), 0).await.ok();
    assert_eq!((passed["outcome"].as_str(), &passed["request_id"]), (Some("passed_over"), &Value::Null));
    assert_eq!(requests(&app).await, 1);
}

#[tokio::test]
async fn what_is_not_signed_well_asks_nothing_and_is_counted_with_its_reason() {
    let (app, _folder) = app().await;
    let body = json!({"status": "firing", "host": "nas"});
    let late = standard(&app, "evt_1", &body, 900).await;
    assert!(late.status == 401 && late.code() == 5161 && late.message().contains("look at both clocks"), "{late:?}");
    let bare = Answer::of(app.client.post(format!("{}/webhooks/alerts", app.address)).json(&body)).await;
    assert!(bare.code() == 5161 && bare.message().contains("`webhook-id`"), "{bare:?}");
    let form = app.client.post(format!("{}/webhooks/alerts", app.address)).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(Answer::of(form.body("payload=1")).await.code(), 5119);
    let unknown = Answer::of(app.client.post(format!("{}/webhooks/nothing", app.address)).json(&body)).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (404, 5160));
    let unfit = standard(&app, "evt_2", &json!({"status": "firing"}), 0).await;
    assert!(unfit.code() == 5162 && unfit.message().contains("`/host`"), "{unfit:?}");
    assert_eq!(requests(&app).await, 0);
    let oscar = app.token("oscar", Role::Operator).await;
    let listed = app.get("/webhooks", &oscar).await.ok();
    let of = |name: &str| listed["items"].as_array().expect("items").iter().find(|hook| hook["name"] == name).expect("it is there").clone();
    let counted = |outcome: &str| {
        let calls = of("alerts")["calls"].as_array().expect("calls").clone();
        calls.iter().find(|came| came["outcome"] == outcome).map(|came| (came["count"].as_i64(), came["last_why"].clone()))
    };
    assert_eq!(counted("refused").map(|(count, _)| count), Some(Some(2)));
    assert!(counted("unfit").is_some_and(|(_, why)| why.as_str().is_some_and(|why| why.contains("`/host`"))));
    assert_eq!(of("alerts")["problem"], Value::Null);
    assert!(of("orphan")["problem"].as_str().is_some_and(|problem| problem.contains("there is no program `nobody`")));
    assert!(!listed.to_string().contains(SECRET));
    let vera = app.token("vera", Role::Viewer).await;
    let metrics = Answer::of(app.call(Method::GET, "/metrics", &vera)).await.body;
    assert!(metrics.as_str().is_some_and(|text| text.contains("chiffon_webhook_calls_total{hook=\"alerts\",outcome=\"refused\"} 2")));
}

#[tokio::test]
async fn an_action_is_asked_without_words_and_its_program_can_be_shut_out() {
    let (app, folder) = app().await;
    let said = |body: Value| {
        let text = body.to_string();
        let signed = format!("sha256={}", chiffon_protocol::canonical::hex(&mac(&[text.as_bytes()])));
        let call = app.client.post(format!("{}/webhooks/deploy", app.address)).header("content-type", "application/json");
        Answer::of(call.header("x-hub-signature-256", signed).body(text))
    };
    let call = |host: &str| said(json!({"host": host}));
    app.announce_action(&json!({
        "name": "disk_report", "title": "Disks", "description": "Reports disks.", "examples": ["how full is nas"], "agent_type": "infrastructure",
        "target": {"parameter": "host"}, "risk": "read_only", "repeatable": "yes", "check": "none", "timeout_seconds": 60,
        "parameters": {"type": "object", "required": ["host"], "properties": {"host": {"type": "string", "format": "inventory-host"}}},
    }))
    .await;
    let asked = call("nas").await.ok();
    let vera = app.token("vera", Role::Viewer).await;
    let shown = app.get(&format!("/request/{}", asked["request_id"].as_str().expect("a request")), &vera).await.ok();
    assert_eq!(shown["action"]["hosts"], json!(["nas"]));
    assert_eq!(call("nas").await.ok()["outcome"], "again", "the same body is the same call");
    let nowhere = call("atlantis").await;
    assert_eq!(nowhere.code(), 5147, "{nowhere:?}");
    let oscar = app.token("oscar", Role::Operator).await;
    let tried = app.post("/webhooks/deploy/try", &oscar, &json!({"host": "nas"})).await.ok();
    assert_eq!((&tried["action"]["hosts"], &tried["why_not"]), (&json!(["nas"]), &Value::Null));

    // What is held for another part is told to who runs Chiffon, and nobody's name to who calls.
    app.sql("UPDATE principals SET role = 'viewer' WHERE name = 'watcher'").await;
    app.sql(
        "INSERT INTO grants (id, principal_id, role, host, given_by, given_at)
        SELECT gen_random_uuid(), id, 'requester', 'web', 'ann', now() FROM principals WHERE name = 'watcher'",
    )
    .await;
    let denied = said(json!({"host": "nas", "call": "another"})).await;
    assert!(denied.code() == 5701 && denied.message().contains("`chiffon webhook`"), "{denied:?}");
    assert!(denied.body["details"].get("people").is_none() && !denied.body.to_string().contains("vera"), "{denied:?}");
    let tried = app.post("/webhooks/deploy/try", &oscar, &json!({"host": "nas"})).await.ok();
    assert!(tried["why_not"].as_str().is_some_and(|why| why.contains("`requests.ask`") && why.contains("on nas")), "{tried}");
    let last_why = async || {
        let listed = app.get("/webhooks", &oscar).await.ok();
        let hook = listed["items"].as_array().expect("items").iter().find(|hook| hook["name"] == "deploy").expect("it is there").clone();
        let unfit = hook["calls"].as_array().expect("calls").iter().find(|came| came["outcome"] == "unfit").expect("one").clone();
        unfit["last_why"].as_str().expect("why").to_owned()
    };
    assert!(last_why().await.contains("`requests.ask`"));
    app.sql("UPDATE principals SET role = 'requester' WHERE name = 'watcher'").await;

    app.sql("UPDATE api_tokens SET revoked_at = now() WHERE principal_id = (SELECT id FROM principals WHERE name = 'watcher')").await;
    let shut = call("web1").await;
    assert!(shut.code() == 5163 && !shut.body.to_string().contains("watcher"), "{shut:?}");
    assert!(last_why().await.contains("no token that counts"));
    let tried = app.post("/webhooks/deploy/try", &oscar, &json!({"host": "nas"})).await.ok();
    assert!(tried["why_not"].as_str().is_some_and(|why| why.contains("no token that counts")), "{tried}");
    assert_eq!(requests(&app).await, 1);

    // Whoever calls without a secret that could be looked at is anybody.
    std::fs::remove_file(folder.path().join("secret")).expect("it was there");
    let unread = call("web1").await;
    assert!(unread.code() == 5163 && !unread.message().contains("secret"), "{unread:?}");
    assert!(last_why().await.contains("`secret_file`"));
}

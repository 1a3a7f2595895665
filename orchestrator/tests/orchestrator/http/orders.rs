//! Pausing, draining and resuming agents, and trusting keys, as people do it.

use chiffon_kernel::domain::role::Role;
use chiffon_protocol::key::KeyPair;
use reqwest::Method;
use serde_json::json;

use super::{Answer, App};

#[tokio::test]
async fn an_order_is_shown_with_who_why_and_since_when_and_who_may_give_it() {
    let app = App::start().await;
    app.announce().await;
    let (operator, viewer) = (app.token("ann", Role::Operator).await, app.token("eve", Role::Viewer).await);
    let drained = app.post("/agents/infra-1/drain", &operator, &json!({"reason": " new disk "})).await.ok();
    assert_eq!(
        (&drained["desired"], &drained["desired_by"], &drained["desired_reason"]),
        (&json!("drained"), &json!("ann"), &json!("new disk"))
    );
    assert_eq!((&drained["ends"], drained["desired_at"].is_string()), (&json!(true), true));
    let listed = app.get("/agents", &viewer).await.ok();
    assert_eq!((&listed["items"][0]["desired"], &listed["refused"]), (&json!("drained"), &json!([])));
    let capacity = app.get("/agents/capacity", &viewer).await.ok();
    let reason = capacity["items"][0]["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.starts_with("infra-1 is drained by ann since ") && reason.ends_with("(new disk)"), "{reason}");
    let resumed = Answer::of(app.call(Method::POST, "/agents/infra-1/resume", &operator)).await.ok();
    assert_eq!((&resumed["desired"], &resumed["ends"]), (&json!("active"), &json!(false)));
    let long = app.post("/agents/infra-1/pause", &operator, &json!({"reason": "x".repeat(501)})).await;
    assert_eq!(long.code(), 5111);
    assert_eq!(app.post("/agents/infra-9/pause", &operator, &json!({})).await.code(), 5125);
    assert_eq!(app.post("/agents/infra-1/pause", &operator, &json!({"why": "x"})).await.code(), 5104);
}

#[tokio::test]
async fn a_key_is_trusted_listed_and_taken_back() {
    let app = App::start().await;
    let admin = app.token("root", Role::Admin).await;
    let key = KeyPair::generate().public();
    let wish = json!({"name": "ticket-bot", "role": "requester", "program": true, "public_key": key.to_string(), "label": "tickets"});
    let trusted = app.post("/keys", &admin, &wish).await.ok();
    assert_eq!((&trusted["key_id"], &trusted["name"], &trusted["kind"]), (&json!(key.id()), &json!("ticket-bot"), &json!("program")));
    let listed = app.get("/keys", &admin).await.ok();
    assert_eq!(listed["items"], json!([trusted]));
    let path = format!("/keys/{}", key.id());
    let revoked = Answer::of(app.call(Method::DELETE, &path, &admin)).await.ok();
    assert!(revoked["revoked_at"].is_string(), "{revoked}");
    assert_eq!(Answer::of(app.call(Method::DELETE, "/keys/0123456789abcdef", &admin)).await.code(), 5020);
    let mut bad = wish.clone();
    bad["public_key"] = json!("ed25519:short");
    assert_eq!(app.post("/keys", &admin, &bad).await.code(), 5111);
}

//! Tokens are made, listed, taken back and run out; only their hashes are stored, and all of it is audited.

use std::time::Duration;

use chiffon_kernel::domain::role::Role;
use chiffon_kernel::verbs::tokens::{self, NewToken};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{Answer, App};

#[tokio::test]
async fn a_token_works_until_it_is_taken_back() {
    let app = App::start().await;
    let admin = app.token("root", Role::Admin).await;
    let made = app.post("/tokens", &admin, &json!({"name": "ci", "role": "requester", "program": true, "label": "pipeline"})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = made.ok();
    let (id, text) = (made["token_id"].as_str().expect("an id"), made["token"].as_str().expect("a text"));
    assert!(text.starts_with("chf_"));
    assert_eq!(app.get("/whoami", text).await.ok()["program"], true);

    let listed = app.get("/tokens?limit=1", &admin).await.ok();
    assert_eq!((&listed["items"][0]["token_id"], &listed["items"][0]["name"]), (&json!(id), &json!("ci")));
    assert!(!listed.to_string().contains(text), "a text is shown again");
    let rest = app.get(&format!("/tokens?cursor={}", listed["next_cursor"].as_str().expect("more")), &admin).await.ok();
    assert_eq!((rest["items"].as_array().map(Vec::len), &rest["next_cursor"]), (Some(1), &json!(null)));

    for _ in 0..2 {
        let revoked = Answer::of(app.call(Method::DELETE, &format!("/tokens/{id}"), &admin)).await.ok();
        assert!(revoked["revoked_at"].is_string());
    }
    let answer = app.get("/whoami", text).await;
    assert_eq!(answer.code(), 5004);
    assert!(answer.message().contains("taken back"), "{answer:?}");
    let events: Vec<String> = sqlx::query_scalar("SELECT event FROM audit_log WHERE chain = 'system' ORDER BY seq")
        .fetch_all(app.context.store.pool())
        .await
        .expect("the audit");
    assert_eq!(events, ["token.created", "token.created", "token.revoked"]);
    assert_eq!(app.get("/audit/verify", &admin).await.ok()["ok"], true);
}

#[tokio::test]
async fn what_one_may_do_here_is_told_in_words() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Viewer).await;
    let all = app.get("/permissions", &ada).await.ok();
    let one = |name: &str| all["items"].as_array().expect("a list").iter().find(|item| item["name"] == name).expect("it is there").clone();
    let approve = json!({
        "name": "requests.approve", "lets": "approve or reject plans", "roles": ["approver", "admin"], "programs": false, "parts": true,
    });
    assert_eq!((one("requests.approve"), &one("tokens.manage")["parts"]), (approve, &json!(false)));
    assert_eq!((&one("whoami.read")["roles"][0], &one("whoami.read")["programs"]), (&json!("viewer"), &json!(true)));
}

#[tokio::test]
async fn tokens_that_can_not_be_used_say_why() {
    let app = App::start().await;
    let admin = app.token("root", Role::Admin).await;
    let short =
        NewToken { principal: "ada".to_owned(), role: Role::Viewer, program: false, label: String::new(), valid_for: Some(Duration::ZERO) };
    let expired = tokens::create(&app.context, "test", &short).await.expect("a token");
    for (token, word) in
        [(expired.text.expose_secret(), "expired"), ("chf_short", "cut off"), (&format!("chf_{}", "A".repeat(43)), "not known")]
    {
        let answer = app.get("/whoami", token).await;
        assert_eq!(answer.code(), 5004);
        assert!(answer.message().contains(word), "{answer:?}");
    }
    for (body, word) in [
        (json!({"name": "bot", "role": "approver", "program": true}), "programs never approve"),
        (json!({"name": "root", "role": "viewer"}), "exists as admin"),
        (json!({"name": "a b", "role": "viewer"}), "letters"),
        (json!({"name": "chiffon", "role": "viewer"}), "system"),
        (json!({"name": "ada", "role": "viewer", "valid_days": 0}), "1 or more"),
        (json!({"name": "ada", "role": "viewer", "valid_days": 3_000_000}), "year 9999"),
        (json!({"name": "ada", "role": "viewer", "valid_days": u32::MAX}), "year 9999"),
    ] {
        let answer = app.post("/tokens", &admin, &body).await;
        assert_eq!(answer.code(), 5111);
        assert!(answer.message().contains(word), "{answer:?}");
    }
    let unknown = Answer::of(app.call(Method::DELETE, "/tokens/01890a5d-ac96-774b-bcce-b302099a8057", &admin)).await;
    assert_eq!(unknown.code(), 5126);
}

#[tokio::test]
async fn the_first_token_is_enrolled_once_however_often_it_starts() {
    let app = App::start().await;
    let text = tokens::ensure_admin(&app.context, "operator", None).await.expect("a token");
    for _ in 0..2 {
        let again = tokens::ensure_admin(&app.context, "operator", Some(text.clone())).await.expect("the same");
        assert_eq!(again.expose_secret(), text.expose_secret());
    }
    let listed = app.get("/tokens", text.expose_secret()).await.ok();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
    assert!(tokens::ensure_admin(&app.context, "operator", Some("nonsense".to_owned().into())).await.is_err());
}

#[tokio::test]
async fn a_token_shows_when_it_was_last_used_and_which_is_the_callers_own() {
    let app = App::start().await;
    let (root, ann) = (app.token("root", Role::Admin).await, app.token("ann", Role::Viewer).await);
    let listed = app.get("/tokens", &root).await.ok();
    let one = |listed: &serde_json::Value, name: &str| {
        listed["items"].as_array().expect("tokens").iter().find(|token| token["name"] == name).expect("it is listed").clone()
    };
    assert!(one(&listed, "root")["last_used_at"].is_string(), "{listed:#}");
    assert_eq!(one(&listed, "ann")["last_used_at"], json!(null), "it was never used");
    assert_eq!(listed["current"], one(&listed, "root")["token_id"]);
    app.get("/whoami", &ann).await.ok();
    let first = one(&app.get("/tokens", &root).await.ok(), "ann")["last_used_at"].clone();
    app.get("/whoami", &ann).await.ok();
    assert_eq!(one(&app.get("/tokens", &root).await.ok(), "ann")["last_used_at"], first, "a call within the hour writes nothing");
    app.sql("UPDATE api_tokens SET last_used_at = last_used_at - interval '61 minutes'").await;
    app.get("/whoami", &ann).await.ok();
    let later = one(&app.get("/tokens", &root).await.ok(), "ann")["last_used_at"].clone();
    assert!(later.as_str() >= first.as_str(), "{later} {first}");
}

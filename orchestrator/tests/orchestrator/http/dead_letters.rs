//! Dead letters over HTTP: seen by operators, replayed once, purged by administrators, and the records say by whom.

use std::collections::BTreeMap;

use chiffon_bus::Delivery;
use chiffon_engine::deliveries::dead_letters::DeadLettersInbox;
use chiffon_kernel::deliveries::Inbox as _;
use chiffon_kernel::domain::role::Role;
use chiffon_protocol::signature;
use chiffon_protocol::topology::{CODE_HEADER, ORIGIN_HEADER, REASON_HEADER, RESULTS};
use serde_json::{Value, json};

use super::App;

/// Lets a message die; its id as a dead letter.
async fn die(app: &App, body: &str, signed: bool) -> String {
    let mut headers = BTreeMap::from([
        (ORIGIN_HEADER.to_owned(), RESULTS.to_owned()),
        (CODE_HEADER.to_owned(), "5120".to_owned()),
        (REASON_HEADER.to_owned(), format!("nobody waits for {body}")),
    ]);
    if signed {
        let expires = app.context.clock.now() - chrono::TimeDelta::hours(1);
        headers.insert(signature::HEADER.to_owned(), signature::sign(&app.context.key, RESULTS, expires, body.as_bytes()));
    }
    let settler = chiffon_bus::Settler::new(|_, done| done.send(true).unwrap_or_default());
    let body = bytes::Bytes::from(body.to_owned());
    let delivery = Delivery { queue: String::new(), message_id: None, correlation_id: None, headers, body, redelivered: false, settler };
    DeadLettersInbox::new(app.context.engine.clone()).handle(&[delivery]).await.expect("it is kept");
    sqlx::query_scalar("SELECT id::text FROM dead_letters ORDER BY id DESC LIMIT 1")
        .fetch_one(app.context.store.pool())
        .await
        .expect("a letter")
}

async fn audited(app: &App, token: &str, event: &str) -> Vec<Value> {
    let rows = app.get("/audit?chain=system", token).await.ok();
    rows["items"].as_array().expect("rows").iter().filter(|row| row["event"] == event).cloned().collect()
}

#[tokio::test]
async fn they_are_listed_by_page_and_filter_with_reason_sender_and_time() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Operator).await;
    let first = die(&app, "not json", false).await;
    let second = die(&app, r#"{"message_type": "work_result"}"#, true).await;
    let page = app.get("/dead-letters?limit=1", &ada).await.ok();
    assert_eq!((&page["open"], &page["items"][0]["id"], &page["next_cursor"]), (&json!(2), &json!(second), &json!(second)), "{page}");
    let letter = &page["items"][0];
    assert_eq!(
        (&letter["queue"], &letter["code"], &letter["sender"], &letter["signature"], &letter["message_type"]),
        (&json!(RESULTS), &json!(5120), &json!("chiffon"), &json!("expired"), &json!("work_result")),
        "{letter}"
    );
    assert!(
        letter["died_at"].is_string() && letter["reason"].as_str().is_some_and(|reason| reason.starts_with("nobody waits")),
        "{letter}"
    );
    let rest = app.get(&format!("/dead-letters?limit=1&cursor={second}"), &ada).await.ok();
    assert_eq!((&rest["items"][0]["id"], &rest["next_cursor"]), (&json!(first), &Value::Null));
    assert_eq!(rest["items"][0]["sender"], Value::Null, "nobody has signed it: {rest}");
    for (query, found) in
        [("sender=chiffon", 1), ("code=5120", 2), ("code=5003", 0), ("queue=other", 0), ("state=purged", 0), ("state=all", 2)]
    {
        let page = app.get(&format!("/dead-letters?{query}"), &ada).await.ok();
        assert_eq!(page["items"].as_array().map(Vec::len), Some(found), "{query}");
    }
    assert_eq!(app.get("/dead-letters?state=gone", &ada).await.code(), 5123);
    let shown = app.get(&format!("/dead-letters/{first}"), &ada).await.ok();
    assert_eq!((&shown["body"], &shown["headers"][CODE_HEADER]), (&json!("not json"), &json!("5120")), "{shown}");
    assert_eq!(app.get("/dead-letters/01890a5d-ac96-774b-bcce-b302099a8057", &ada).await.code(), 5016);
}

#[tokio::test]
async fn a_replay_happens_once_and_the_records_say_by_whom() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Operator).await;
    let id = die(&app, r#"{"message_type": "work_result"}"#, true).await;
    let path = format!("/dead-letters/{id}/replay");
    let replayed = app.post(&path, &ada, &json!({})).await.ok();
    assert_eq!((&replayed["state"], &replayed["settled_by"]), (&json!("replayed"), &json!("ada")), "{replayed}");
    let again = app.post(&path, &ada, &json!({})).await;
    assert_eq!(again.code(), 5017);
    assert!(again.message().contains("was replayed at") && again.message().contains("by ada"), "{again:?}");
    let rows = audited(&app, &ada, "dead_letter.replayed").await;
    assert_eq!((rows.len(), &rows[0]["actor"], &rows[0]["data"]["id"]), (1, &json!("ada"), &json!(id)));
    let sent: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE body IS NOT NULL")
        .fetch_one(app.context.store.pool())
        .await
        .expect("the outbox reads");
    assert_eq!(sent, 1);
    let forged = die(&app, "forged", false).await;
    let refused = app.post(&format!("/dead-letters/{forged}/replay"), &ada, &json!({})).await;
    assert_eq!(refused.code(), 5018);
    assert!(refused.message().contains("the message is not signed"), "{refused:?}");
}

#[tokio::test]
async fn a_purge_names_what_it_purges_and_leaves_who_did_it() {
    let app = App::start().await;
    let (root, ada) = (app.token("root", Role::Admin).await, app.token("ada", Role::Operator).await);
    let (one, _two) = (die(&app, "one", false).await, die(&app, "two", true).await);
    assert_eq!(app.post("/dead-letters/purge", &root, &json!({})).await.code(), 5111, "nothing is purged by accident");
    assert_eq!(app.post("/dead-letters/purge", &root, &json!({"all": true, "code": 5120})).await.code(), 5111);
    let path = format!("/dead-letters/{one}");
    assert_eq!(super::Answer::of(app.call(reqwest::Method::DELETE, &path, &ada)).await.code(), 5701);
    let purged = super::Answer::of(app.call(reqwest::Method::DELETE, &path, &root)).await.ok();
    assert_eq!((&purged["state"], &purged["settled_by"], &purged["body"]), (&json!("purged"), &json!("root"), &json!("")), "{purged}");
    assert_eq!(app.post(&format!("{path}/replay"), &root, &json!({})).await.code(), 5017);
    assert_eq!(app.post("/dead-letters/purge", &root, &json!({"sender": "nobody"})).await.ok()["purged"], 0);
    assert_eq!(app.post("/dead-letters/purge", &root, &json!({"sender": "chiffon", "code": 5120})).await.ok()["purged"], 1);
    assert_eq!(app.post("/dead-letters/purge", &root, &json!({"all": true})).await.ok()["purged"], 0, "twice is the same as once");
    assert_eq!(app.get("/dead-letters", &ada).await.ok()["open"], 0);
    let rows = audited(&app, &root, "dead_letters.purged").await;
    let counts: Vec<_> = rows.iter().map(|row| (row["actor"].as_str(), row["data"]["count"].as_i64())).collect();
    assert_eq!(counts, [(Some("root"), Some(1)), (Some("root"), Some(1))]);
}

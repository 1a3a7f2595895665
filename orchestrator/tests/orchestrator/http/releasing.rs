//! Hosts that are kept from other work, and giving them back, as clients call it.

use chiffon_kernel::domain::role::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, App};

const JOB: &str = "job j1.2";

/// A cancelled request of Ada's whose job may still run on `nas`; the request's path.
async fn kept(app: &App, ada: &str) -> String {
    app.announce().await;
    let joan = app.token("joan", Role::Approver).await;
    let (id, sha256) = app.proposed(ada).await;
    app.post("/approve", &joan, &json!({"request_id": id, "plan_sha256": sha256, "decision": "approve"})).await.ok();
    app.sql(&format!(
        "INSERT INTO task_attempts (task_id, attempt, created_at, agent_id, incarnation, claim_id, claimed_at, lease_expires_at)
        SELECT id, 1, now(), 'infra-1', 1, gen_random_uuid(), now(), now() FROM tasks;
        INSERT INTO host_locks (host, task_id, attempt, taken_at, kept_at, kept_for) SELECT 'nas', id, 1, now(), now(), ARRAY['{JOB}'] FROM tasks"
    ))
    .await;
    format!("/request/{id}")
}

async fn release(app: &App, token: &str, host: &str, key: &str, body: &Value) -> Answer {
    let call = app.call(Method::POST, &format!("/hosts/{host}/release"), token).header("idempotency-key", key);
    Answer::of(call.json(body)).await
}

async fn reserved(app: &App, token: &str) -> Vec<Value> {
    app.get("/hosts/reserved", token).await.ok()["items"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_reserved_host_is_listed_with_what_it_is_kept_for_and_is_given_back_once() {
    let app = App::start().await;
    let (ada, other) = (app.token("ada", Role::Requester).await, app.token("other", Role::Requester).await);
    assert_eq!(reserved(&app, &ada).await, Vec::<Value>::new());
    let path = kept(&app, &ada).await;
    let shown = app.get(&path, &other).await.ok();
    let listed = reserved(&app, &other).await;
    assert_eq!(json!(listed), shown["reserved_hosts"], "the list and the request say the same");
    let [host] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((&host["host"], &host["may_still_run"], &host["attempt"]), (&json!("nas"), &json!([JOB]), &json!(1)));
    assert_eq!((&host["task_id"], &host["title"]), (&shown["tasks"][0]["task_id"], &shown["tasks"][0]["title"]));
    assert!(host["release"].as_str().is_some_and(|command| command.starts_with("chiffon release nas --comment")), "{host}");

    let looked = json!({"comment": "I looked"});
    assert_eq!(release(&app, &other, "nas", "k1", &looked).await.code(), 5701);
    for (host, wrong, code) in [("nas", json!({}), 5133), ("nas", json!({"comment": " "}), 5133), ("web", looked.clone(), 5411)] {
        assert_eq!(release(&app, &ada, host, "k1", &wrong).await.code(), code, "{host} {wrong}");
    }
    assert!(!release(&app, &ada, "nas", "k1", &json!({"comment": "I looked", "force": true})).await.status.is_success());
    assert_eq!(reserved(&app, &ada).await.len(), 1, "what is refused gives nothing back");

    let first = release(&app, &ada, "nas", "k1", &looked).await;
    let again = release(&app, &ada, "nas", "k1", &looked).await;
    assert_eq!((first.status, &first.body), (StatusCode::OK, &again.body), "the same call is answered the same");
    assert_eq!((&first.body["host"], &first.body["may_still_run"]), (&json!("nas"), &json!([JOB])));
    assert_eq!(first.body["text"], "ada gave nas back to other work: I looked");
    assert_eq!(reserved(&app, &ada).await, Vec::<Value>::new());
    let late = release(&app, &ada, "nas", "k2", &looked).await;
    assert!(late.code() == 5411 && late.message().contains("`chiffon release` lists"), "{late:?}");
    let audit = app.get(&format!("/audit?chain={}", path.strip_prefix("/request/").expect("the path of a request")), &ada).await.ok();
    let said: Vec<&Value> = audit["items"].as_array().expect("rows").iter().filter(|row| row["event"] == "host.released").collect();
    assert!(said.len() == 1 && said[0]["data"]["comment"] == "I looked", "{said:?}");
}

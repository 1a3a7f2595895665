//! The same call with the same key is done once.

use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_kernel::store::idempotency::{self, Reservation};
use chiffon_protocol::ErrorCode;
use chiffon_requests::verbs::say;
use chiffon_requests::verbs::submit::{self, Submit};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, App};

async fn ask(app: &App, token: &str, key: &str, body: &Value) -> Answer {
    Answer::of(app.call(Method::POST, "/request", token).header("idempotency-key", key).json(body)).await
}

async fn requests(app: &App) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM requests").fetch_one(app.context.store.pool()).await.expect("a count")
}

#[tokio::test]
async fn the_same_call_is_answered_the_same_and_another_one_is_refused() {
    let app = App::start().await;
    let (ada, joan) = (app.token("ada", Role::Requester).await, app.token("joan", Role::Requester).await);
    let body = json!({"text": "polish the lens of nas"});
    let first = ask(&app, &ada, "k1", &body).await;
    let second = ask(&app, &ada, "k1", &body).await;
    assert_eq!((first.status, &first.body), (second.status, &second.body));
    assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), ("", "true"));
    assert_eq!(requests(&app).await, 1);

    let other = ask(&app, &ada, "k1", &json!({"text": "something else"})).await;
    assert_eq!((other.code(), other.status.as_u16()), (5118, 409));
    // A key is its principal's own.
    assert_ne!(ask(&app, &joan, "k1", &body).await.ok()["request_id"], first.body["request_id"]);
    assert_eq!(requests(&app).await, 2);
}

#[tokio::test]
async fn many_at_once_make_one_request() {
    let app = App::start().await;
    let token = app.token("ada", Role::Requester).await;
    let body = json!({"text": "polish the lens of nas"});
    let answers = futures::future::join_all((0..8).map(|_| ask(&app, &token, "k1", &body))).await;
    assert_eq!(requests(&app).await, 1);
    for answer in &answers {
        assert!(answer.status.is_success() || answer.code() == 5127, "{answer:?}");
    }
    assert!(answers.iter().any(|answer| answer.status.is_success()));
}

#[tokio::test]
async fn a_call_whose_orchestrator_dies_or_is_held_up_is_not_done_twice() {
    let app = App::start().await;
    let token = app.token("ada", Role::Requester).await;
    let body = json!({"text": "polish the lens of nas"});
    let first = ask(&app, &token, "k1", &body).await;
    // What is stored with the request; its orchestrator died before it could say more.
    sqlx::query("UPDATE idempotency_keys SET response_body = jsonb_build_object('request_id', response_body -> 'request_id')")
        .execute(app.context.store.pool())
        .await
        .expect("changed");
    let again = ask(&app, &token, "k1", &body).await.ok();
    assert_eq!((&again["request_id"], &again["text"]), (&first.body["request_id"], &body["text"]));

    // One that slept through its own repetition, and wakes.
    let id = sqlx::query_scalar("SELECT id FROM principals WHERE name = 'ada'").fetch_one(app.context.store.pool()).await.expect("ada");
    let ada = Principal { id, name: "ada".to_owned(), role: Role::Requester, grants: Vec::new(), is_program: false };
    let text = body["text"].as_str().expect("words").to_owned();
    let late = Submit { text, idempotency_key: Some("k1".to_owned()), ..Submit::default() };
    let refused = submit::run(&app.context, &ada, late).await.expect_err("it was answered");
    assert_eq!(refused.code, ErrorCode::CallUnderWay);
    assert_eq!(requests(&app).await, 1);
}

#[tokio::test]
async fn words_are_said_once_whoever_dies_after_they_were_stored() {
    let app = App::start().await;
    app.announce().await;
    let token = app.token("ada", Role::Requester).await;
    let (request_id, _) = app.proposed(&token).await;
    let pool = app.context.store.pool();
    let id = sqlx::query_scalar("SELECT id FROM principals WHERE name = 'ada'").fetch_one(pool).await.expect("ada");
    let ada = Principal { id, name: "ada".to_owned(), role: Role::Requester, grants: Vec::new(), is_program: false };
    // The call's orchestrator has reserved the key, and dies as soon as the words are stored.
    let mut connection = app.context.store.acquire().await.expect("a connection");
    idempotency::reserve(&mut connection, id, "k1", "the call", app.context.clock.now()).await.expect("reserved");
    let said = say::run(&app.context, &ada, request_id, "use 7 strokes", Some("k1")).await.expect("it is taken");
    let again = idempotency::reserve(&mut connection, id, "k1", "the call", app.context.clock.now()).await.expect("looked up");
    assert_eq!(again, Reservation::Answered(202, json!(said)));

    // One that slept through its own repetition finds the plan that came of it, and does not say the words about that.
    app.plan(request_id).await;
    let late = say::run(&app.context, &ada, request_id, "use 7 strokes", Some("k1")).await.expect_err("it was answered");
    assert_eq!(late.code, ErrorCode::CallUnderWay);
}

#[tokio::test]
async fn a_call_that_was_refused_can_be_made_again_with_its_key() {
    let app = App::start().await;
    let token = app.token("ada", Role::Requester).await;
    let empty = json!({"text": " "});
    assert_eq!(ask(&app, &token, "k1", &empty).await.code(), 5102);
    assert_eq!(ask(&app, &token, "k1", &empty).await.code(), 5102);
    ask(&app, &token, "k1", &json!({"text": "polish the lens of nas"})).await.ok();
    assert_eq!(ask(&app, &token, "", &empty).await.code(), 5123);
}

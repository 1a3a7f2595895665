//! Standing approvals as clients give, see and withdraw them.

use chiffon_kernel::domain::role::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, App};

/// Ada asks and Joan approves; the request with its plan's hash, and their tokens.
async fn approved(app: &App) -> (Uuid, String, [String; 2]) {
    app.announce().await;
    let (ada, joan) = (app.token("ada", Role::Requester).await, app.token("joan", Role::Approver).await);
    let (id, sha256) = app.proposed(&ada).await;
    app.post("/approve", &joan, &json!({"request_id": id, "plan_sha256": sha256, "decision": "approve"})).await.ok();
    (id, sha256, [ada, joan])
}

#[tokio::test]
async fn what_was_stood_for_runs_again_and_is_listed_with_its_uses_until_it_is_withdrawn() {
    let app = App::start().await;
    let (id, sha256, [ada, joan]) = approved(&app).await;
    let body = json!({"request_id": id, "plan_sha256": sha256, "valid_for": "30d", "comment": "every night"});
    let give = || app.call(Method::POST, "/standing-approvals", &joan).header("Idempotency-Key", "one").json(&body);
    let given = Answer::of(give()).await;
    assert_eq!(given.status, StatusCode::CREATED, "{given:?}");
    let given = given.ok();
    assert_eq!(Answer::of(give()).await.ok(), given, "it is given once");
    let standing = given["standing_approval_id"].as_str().expect("an id").to_owned();
    let seen = ["state", "scope", "requester", "given_by", "comment", "uses", "last_used_at", "request_id", "plan_sha256"]
        .map(|name| &given[name]);
    let request_id = json!(id);
    assert_eq!(json!(seen), json!(["valid", "requester", "ada", "joan", "every night", 0, null, request_id, sha256]));
    assert_eq!(given["steps"], json!([{"title": "Polish the lens on nas", "action": "polish_lens", "hosts": ["nas"], "risk": "low"}]));
    let shown = app.get(&format!("/request/{id}"), &ada).await.ok();
    assert_eq!(
        (&shown["plan"]["steps_sha256"], &shown["plan"]["approvals"][0]["standing_approval_id"]),
        (&given["steps_sha256"], &Value::Null)
    );

    let again = app.ask(&ada, "polish the lens of nas").await;
    app.plan(again).await;
    let shown = app.get(&format!("/request/{again}"), &ada).await.ok();
    assert_eq!(
        (&shown["status"], &shown["plan"]["approvals"][0]["standing_approval_id"]),
        (&json!("running"), &json!(standing)),
        "{shown:#}"
    );
    assert_eq!((&shown["plan"]["approvals"][0]["by"], &shown["plan"]["state"]), (&json!("joan"), &json!("approved")));
    let path = format!("/standing-approvals/{standing}");
    let used = app.get(&path, &ada).await.ok();
    assert!(used["uses"] == 1 && used["last_used_at"].is_string(), "{used:#}");

    let withdraw = format!("{path}/withdraw");
    assert_eq!(app.post(&withdraw, &ada, &json!({})).await.code(), 5701, "it is not hers");
    let withdrawn = app.post(&withdraw, &joan, &json!({"reason": "the lens is gone"})).await.ok();
    assert_eq!((&withdrawn["state"], &withdrawn["going_on"]), (&json!("withdrawn"), &json!([again])), "{withdrawn:#}");
    assert_eq!((&withdrawn["withdrawn_by"], &withdrawn["withdrawn_why"]), (&json!("joan"), &json!("the lens is gone")));
    assert!(withdrawn["text"].as_str().is_some_and(|text| text.contains(&format!("`chiffon cancel {again}`"))), "{withdrawn:#}");
    let twice = Answer::of(app.call(Method::POST, &withdraw, &joan)).await.ok();
    assert_eq!(twice["withdrawn_at"], withdrawn["withdrawn_at"], "once");
    let late = app.ask(&ada, "polish the lens of nas").await;
    app.plan(late).await;
    assert_eq!(app.get(&format!("/request/{late}"), &ada).await.ok()["status"], "awaiting_approval");
    assert_eq!(app.get("/audit/verify", &joan).await.ok()["ok"], true);
}

#[tokio::test]
async fn they_are_listed_by_their_state_page_by_page() {
    let app = App::start().await;
    let (id, sha256, [ada, joan]) = approved(&app).await;
    let mut given = Vec::new();
    for scope in [json!({"scope": "any"}), json!({"scope": "origin", "origin_kinds": ["schedule"]}), json!({"valid_for": "1s"})] {
        let mut body = json!({"request_id": id, "plan_sha256": sha256});
        body.as_object_mut().expect("an object").extend(scope.as_object().expect("an object").clone());
        given.push(app.post("/standing-approvals", &joan, &body).await.ok()["standing_approval_id"].clone());
    }
    app.post(&format!("/standing-approvals/{}/withdraw", given[1].as_str().expect("an id")), &joan, &json!({})).await.ok();
    let ids =
        |page: &Value| page["items"].as_array().expect("items").iter().map(|one| one["standing_approval_id"].clone()).collect::<Vec<_>>();
    let first = app.get("/standing-approvals?limit=2", &ada).await.ok();
    assert_eq!(ids(&first), [given[2].clone(), given[1].clone()], "newest first");
    assert_eq!(first["items"][1]["origin_kinds"], json!(["schedule"]));
    let next = first["next_cursor"].as_str().expect("more");
    let rest = app.get(&format!("/standing-approvals?limit=2&cursor={next}"), &ada).await.ok();
    assert_eq!((ids(&rest), &rest["next_cursor"]), (vec![given[0].clone()], &Value::Null));
    app.sql("ALTER TABLE standing_approvals DISABLE TRIGGER standing_approvals_fixed; UPDATE standing_approvals SET given_at = given_at - interval '1 hour', expires_at = expires_at - interval '1 hour' WHERE expires_at < now() + interval '1 hour'").await;
    for (state, expected) in [("valid", &given[0]), ("withdrawn", &given[1]), ("expired", &given[2])] {
        let page = app.get(&format!("/standing-approvals?state={state}"), &ada).await.ok();
        assert_eq!(ids(&page), std::slice::from_ref(expected), "{state}");
    }
    assert_eq!(app.get("/standing-approvals?state=old", &ada).await.code(), 5123);
    assert!(app.get("/metrics", &ada).await.body.as_str().is_some_and(|text| text.contains("\nchiffon_standing_approvals 1\n")));
}

#[tokio::test]
async fn what_can_not_be_stood_for_is_refused_with_its_reason() {
    let app = App::start().await;
    let (id, sha256, [ada, joan]) = approved(&app).await;
    let eve = app.token("eve", Role::Approver).await;
    let body = |change: Value| {
        let mut body = json!({"request_id": id, "plan_sha256": sha256});
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        body
    };
    for (token, body, code) in [
        (&ada, body(json!({})), 5701),
        (&eve, body(json!({})), 5813),
        (&joan, body(json!({"valid_for": "91d"})), 5137),
        (&joan, body(json!({"valid_for": "soon"})), 5137),
        (&joan, body(json!({"scope": "all"})), 5137),
        (&joan, body(json!({"scope": "origin"})), 5137),
        (&joan, body(json!({"plan_sha256": "00"})), 5137),
        (&joan, body(json!({"plan_sha256": "0".repeat(64)})), 5107),
        (&joan, body(json!({"request_id": Uuid::nil()})), 5105),
        (&joan, body(json!({"until": "later"})), 5104),
    ] {
        let answer = app.post("/standing-approvals", token, &body).await;
        assert_eq!(answer.code(), code, "{body}: {answer:?}");
    }
    let unknown = format!("/standing-approvals/{}", Uuid::nil());
    assert_eq!(app.get(&unknown, &ada).await.code(), 5814);
    assert_eq!(app.post(&format!("{unknown}/withdraw"), &joan, &json!({})).await.code(), 5814);
}

//! Every bad input is a coded problem that names the thing, and nothing is half done.

use chiffon_kernel::domain::role::Role;
use chiffon_kernel::http::HttpOptions;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, App};

async fn raw(app: &App, token: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    Answer::of(app.call(Method::POST, "/request", token).header("content-type", content_type).body(body)).await
}

async fn requests(app: &App) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM requests").fetch_one(app.context.store.pool()).await.expect("a count")
}

#[tokio::test]
async fn a_body_that_can_not_be_used_is_refused_by_its_own_code_and_stores_nothing() {
    let app = App::start().await;
    let token = app.token("ada", Role::Requester).await;
    let json = "application/json";
    let large = json!({"text": "x".repeat(2 * 1024 * 1024)}).to_string();
    for (content_type, body, code, details) in [
        (json, b"{\"text\": \"a\xff\"}".to_vec(), 5101, json!({"line": 1, "column": 12, "byte": 11})),
        (json, b"{\"text\": ".to_vec(), 5101, json!({"line": 1, "column": 9})),
        (json, Vec::new(), 5101, json!({"line": 1, "column": 0})),
        (json, b"{\"text\": \"a\", \"colour\": 1}".to_vec(), 5104, json!({"field": "colour"})),
        (json, b"{\"text\": 5}".to_vec(), 5137, json!({"field": "text"})),
        (json, b"{}".to_vec(), 5136, json!({"field": "text"})),
        (json, b"{\"text\": \"a\", \"conversation_id\": \"x\"}".to_vec(), 5137, json!({"field": "conversation_id"})),
        (json, b"[\"remove kuma\", null]".to_vec(), 5137, json!({"field": null})),
        (json, b"{\"text\": \"\"}".to_vec(), 5102, Value::Null),
        (json, b"{\"text\": \" \\n\"}".to_vec(), 5102, Value::Null),
        (json, large.into_bytes(), 5117, json!({"limit_bytes": 1024 * 1024})),
        ("text/plain", b"{\"text\": \"a\"}".to_vec(), 5119, Value::Null),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = raw(&app, &token, content_type, body).await;
        assert_eq!((answer.code(), &answer.body["details"]), (code, &details), "{shown}: {answer:?}");
    }
    assert_eq!(requests(&app).await, 0);
}

#[tokio::test]
async fn a_text_that_is_too_long_for_a_planner_but_fits_a_body_is_refused_with_its_length() {
    let app = App::start().await;
    let token = app.token("ada", Role::Requester).await;
    let answer = app.post("/request", &token, &json!({"text": "x".repeat(9_000)})).await;
    assert_eq!((answer.code(), answer.status), (5103, StatusCode::PAYLOAD_TOO_LARGE));
    assert!(answer.message().contains("9000"), "{answer:?}");
}

#[tokio::test]
async fn a_password_in_an_address_is_taken_nowhere() {
    let app = App::start().await;
    let token = app.token("ada", Role::Operator).await;
    let said = "add http://u:hunter2@nas:3000 to kuma on nas";
    let request = app.post("/request", &token, &json!({"text": "Deploy Kuma to nas"})).await;
    let id = request.body["request_id"].as_str().unwrap_or_else(|| panic!("{request:?}")).to_owned();
    for (path, body) in [
        ("/request".to_owned(), json!({"text": said})),
        (format!("/request/{id}/messages"), json!({"text": said})),
        (format!("/request/{id}/pause"), json!({"reason": said})),
        (format!("/cancel/{id}"), json!({"reason": said})),
    ] {
        let answer = app.post(&path, &token, &body).await;
        assert_eq!((answer.code(), &answer.body["details"]["address"]), (5138, &json!("http://u:…@nas:3000")), "{path}: {answer:?}");
        assert!(!answer.body.to_string().contains("hunter2"), "{path}: {answer:?}");
    }
    assert_eq!(requests(&app).await, 1);
}

#[tokio::test]
async fn the_value_of_a_secret_parameter_is_in_no_plan_and_a_reference_to_it_is() {
    let app = App::start().await;
    app.announce().await;
    app.announce_action(&json!({
        "name": "guard_lens", "title": "Guard the lens", "description": "Guards the lens of a telescope by a password.",
        "examples": ["guard the lens of nas"], "agent_type": "infrastructure", "target": {"parameter": "host"},
        "parameters": {"type": "object", "required": ["host", "password"], "properties": {
            "host": {"type": "string", "format": "inventory-host"},
            "password": {"type": "string", "secret": true, "description": "What opens it."}}},
        "risk": "low", "repeatable": "yes", "check": "none", "timeout_seconds": 60,
    }))
    .await;
    let token = app.token("ada", Role::Operator).await;
    let planned = async |text: &str| {
        let id = app.ask(&token, text).await;
        app.plan(id).await;
        app.get(&format!("/request/{id}"), &token).await.ok()
    };
    let refused = planned("guard the lens of nas with password hunter2hunter2").await;
    assert_eq!((&refused["error"]["code"], &refused["plan"]), (&json!(5139), &Value::Null), "{refused:#}");
    let problem = refused["error"].to_string();
    assert!(problem.contains("`password` is a secret") && problem.contains("secret://NAME"), "{problem}");
    assert!(!problem.contains("hunter2"), "{problem}");
    let stored: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM plans) + (SELECT count(*) FROM audit_log WHERE event <> 'request.submitted' AND data::text LIKE '%hunter2%')",
    )
    .fetch_one(app.context.store.pool())
    .await
    .expect("a count");
    assert_eq!(stored, 0, "no plan, and no record beyond the words themselves");
    let planned_by_name = planned("guard the lens of nas with password secret://lens").await;
    assert_eq!(planned_by_name["status"], "awaiting_approval", "{planned_by_name:#}");
    assert_eq!(planned_by_name["plan"]["steps"][0]["parameters"]["password"], "secret://lens", "{planned_by_name:#}");
}

#[tokio::test]
async fn a_part_of_a_plans_hash_or_one_in_capitals_is_not_called_another_plans() {
    let app = App::start().await;
    app.announce().await;
    let token = app.token("ada", Role::Approver).await;
    let (id, sha256) = app.proposed(&token).await;
    let approve = async |hash: &str| {
        let body = json!({"request_id": id, "plan_sha256": hash, "decision": "approve"});
        app.post("/approve", &token, &body).await
    };
    let beginning: String = sha256.chars().take(8).collect();
    for hash in [&beginning, &sha256.to_uppercase(), &String::new(), &format!("{sha256}a")] {
        let answer = approve(hash).await;
        assert_eq!((answer.code(), &answer.body["details"]["field"]), (5137, &json!("plan_sha256")), "{hash}: {answer:?}");
        assert!(answer.message().contains("all 64 characters") && answer.message().contains("lower case"), "{answer:?}");
    }
    assert_eq!(approve(&"0".repeat(64)).await.code(), 5107, "that is another one's");
    approve(&sha256).await.ok();
}

#[tokio::test]
async fn ids_are_malformed_or_unknown_and_the_answer_says_which() {
    let app = App::start().await;
    let token = app.token("ada", Role::Operator).await;
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (method, path, code) in [
        (Method::GET, "/request/nonsense", 5106),
        (Method::GET, "/request/%FF", 5106),
        (Method::GET, "/request/nonsense/events", 5106),
        (Method::POST, "/cancel/nonsense", 5106),
        (Method::GET, "/tasks/nonsense", 5106),
        (Method::GET, "/tasks/nonsense/logs", 5106),
        (Method::GET, &format!("/request/{unknown}"), 5105),
        (Method::GET, &format!("/request/{unknown}/events"), 5105),
        (Method::POST, &format!("/cancel/{unknown}"), 5105),
        (Method::GET, &format!("/tasks/{unknown}"), 5120),
        (Method::GET, &format!("/tasks/{unknown}/logs"), 5120),
        (Method::GET, "/agents/nobody", 5125),
        (Method::GET, "/agents/no%00body", 5021),
        (Method::GET, "/agents/nobody/metrics", 5125),
        (Method::GET, "/actions/nothing", 5124),
        (Method::GET, &format!("/audit?chain={unknown}"), 5105),
        (Method::GET, &format!("/audit/verify?chain={unknown}"), 5105),
        (Method::GET, "/docs/errors/1", 5121),
        (Method::POST, "/notifications/nonsense/retry", 5106),
        (Method::POST, &format!("/notifications/{unknown}/retry"), 5145),
        (Method::POST, "/notifications/channels/nothing/test", 5144),
        (Method::POST, "/webhooks/nothing/try", 5119),
    ] {
        let answer = Answer::of(app.call(method.clone(), path, &token)).await;
        assert_eq!(answer.code(), code, "{method} {path}: {answer:?}");
    }
    for (request_id, code) in [("nonsense", 5106), (unknown, 5105)] {
        let body = json!({"request_id": request_id, "plan_sha256": "a".repeat(64), "decision": "approve"});
        let answer = app.post("/approve", &app.token("joan", Role::Approver).await, &body).await;
        assert_eq!(answer.code(), code);
        let said = app.post(&format!("/request/{request_id}/messages"), &token, &json!({"text": "more"})).await;
        assert_eq!(said.code(), code);
    }
}

#[tokio::test]
async fn query_parameters_that_can_not_be_used_are_named() {
    let app = App::start().await;
    let token = app.token("ada", Role::Requester).await;
    for (path, named) in [
        ("/requests?colour=red", "colour"),
        ("/requests?limit=0", "limit"),
        ("/requests?limit=many", "limit"),
        ("/requests?limit=100000", "limit"),
        ("/requests?status=done", "status"),
        ("/requests?since=yesterday", "since"),
        ("/requests?cursor=1", "cursor"),
        ("/audit?chain=nonsense", "chain"),
        ("/agents/capacity?memory_gb=-1", "memory_gb"),
        ("/agents/capacity?memory_gb=NaN", "memory_gb"),
        ("/agents/capacity?agent_type=toaster", "agent_type"),
    ] {
        let answer = app.get(path, &token).await;
        assert_eq!(answer.code(), 5123, "{path}: {answer:?}");
        assert!(answer.message().contains(named), "{path}: {answer:?}");
    }
    let answer = app.post("/request?wait=long", &token, &json!({"text": "a"})).await;
    assert_eq!(answer.code(), 5123);
    assert_eq!(requests(&app).await, 0);
    let operator = app.token("olga", Role::Operator).await;
    for (path, named) in
        [("/notifications?colour=red", "colour"), ("/notifications?state=done", "state"), ("/notifications?cursor=1", "cursor")]
    {
        let answer = app.get(path, &operator).await;
        assert_eq!((answer.code(), answer.message().contains(named)), (5123, true), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let app = App::start().await;
    let token = app.token("ada", Role::Requester).await;
    let answer = app.get("/nothing/here", &token).await;
    assert_eq!((answer.code(), answer.status), (5121, StatusCode::NOT_FOUND));
    let answer = Answer::of(app.call(Method::DELETE, "/request", &token)).await;
    assert_eq!((answer.code(), answer.status), (5122, StatusCode::METHOD_NOT_ALLOWED));
    assert_eq!(answer.header("allow"), "POST");
}

#[tokio::test]
async fn a_trace_id_that_was_given_comes_back_and_becomes_the_requests_own() {
    let app = App::start().await;
    let token = app.token("ada", Role::Requester).await;
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let call = app.call(Method::POST, "/request", &token).header("traceparent", format!("00-{trace_id}-00f067aa0ba902b7-01"));
    let answer = Answer::of(call.json(&json!({"text": "polish the lens"}))).await;
    assert_eq!(answer.header("x-trace-id"), trace_id);
    assert!(answer.header("traceparent").starts_with(&format!("00-{trace_id}-")));
    assert_eq!(answer.ok()["trace_id"], trace_id);
}

#[tokio::test]
async fn without_its_database_it_says_so_and_when_to_try_again() {
    let app = App::on("postgres://nobody@127.0.0.1:1/nothing", HttpOptions::default()).await;
    let token = format!("chf_{}", "A".repeat(43));
    let answer = app.get("/requests", &token).await;
    assert_eq!((answer.code(), answer.status), (5801, StatusCode::SERVICE_UNAVAILABLE), "{answer:?}");
    assert_eq!(answer.header("retry-after"), "2");
    let health = Answer::of(app.client.get(format!("{}/health", app.address))).await;
    assert_eq!((health.status, &health.body["checks"]["database"]["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("down")));
    let ready = Answer::of(app.client.get(format!("{}/health/ready", app.address))).await;
    assert_eq!((ready.status, &ready.body["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("not_ready")));
    let live = Answer::of(app.client.get(format!("{}/health/live", app.address))).await;
    assert_eq!(live.status, StatusCode::OK);
}

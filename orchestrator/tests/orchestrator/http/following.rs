//! Live views: in order, resumable without loss or doubles, with log lines, and with an end.

use std::time::Duration;

use chiffon_kernel::domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::live::{Told, View};
use super::{Answer, App};

async fn follow(app: &App, token: &str, id: Uuid, after: Option<&str>) -> View {
    View::open(app, token, &format!("/request/{id}/events"), after).await
}

async fn tell(app: &App, id: Uuid, kind: &'static str, data: Value) {
    let mut work = app.context.begin().await.expect("a unit of work");
    work.event(id, kind, data);
    work.commit().await.expect("a commit");
}

#[tokio::test]
async fn what_happens_is_told_as_it_happens_and_resuming_anywhere_tells_the_rest_exactly_once() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Requester).await;
    let id = app.ask(&ada, "polish the lens").await;
    let shown = app.get(&format!("/request/{id}"), &ada).await.ok();
    let before = shown["last_event_id"].as_i64().expect("a cursor");
    let mut view = follow(&app, &ada, id, Some(&before.to_string())).await;
    for number in 0..250 {
        tell(&app, id, "task", json!({"number": number})).await;
    }
    let all = view.take(250).await;
    let numbers: Vec<i64> = all.iter().map(|told| told.data["number"].as_i64().expect("a number")).collect();
    assert_eq!(numbers, (0..250).collect::<Vec<i64>>());
    for place in [0, 1, 99, 100, 248] {
        let mut resumed = follow(&app, &ada, id, all[place].id.as_deref()).await;
        assert_eq!(resumed.take(249 - place).await, all[place + 1..]);
    }
    let mut whole = follow(&app, &ada, id, None).await;
    let count = usize::try_from(before).expect("small") + 250;
    let ids: Vec<Option<String>> = whole.take(count).await.into_iter().map(|told| told.id).collect();
    assert_eq!(ids, (1..=before + 250).map(|id| Some(id.to_string())).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_ended_request_is_told_to_its_end_and_the_stream_ends() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Requester).await;
    let id = app.ask(&ada, "polish the lens").await;
    let mut view = follow(&app, &ada, id, None).await;
    app.post(&format!("/cancel/{id}"), &ada, &json!({})).await.ok();
    let mut all = Vec::new();
    while let Some(told) = view.next().await {
        all.push(told);
    }
    let last = all.last().expect("an end");
    assert_eq!((last.kind.as_str(), &last.data["status"], &last.id), ("end", &json!("cancelled"), &None), "{all:#?}");
    assert!(all.iter().any(|told| told.kind == "request" && told.data["status"] == "cancelled"), "{all:#?}");
    assert_eq!(all.iter().filter(|told| told.kind == "end").count(), 1);
}

#[tokio::test]
async fn log_lines_are_told_with_their_event_and_stand_in_the_tasks_log() {
    let app = App::start().await;
    app.announce().await;
    let joan = app.token("joan", Role::Approver).await;
    let (id, sha256) = app.proposed(&joan).await;
    app.post("/approve", &joan, &json!({"request_id": id, "plan_sha256": sha256, "decision": "approve"})).await.ok();
    let shown = app.get(&format!("/request/{id}"), &joan).await.ok();
    let (task_id, cursor) = (shown["tasks"][0]["task_id"].as_str().expect("an id"), shown["last_event_id"].as_i64());
    app.sql(&format!("INSERT INTO task_attempts (task_id, attempt, created_at, agent_id) VALUES ('{task_id}', 1, now(), 'infra-1')")).await;
    app.sql(&format!(
        "INSERT INTO execution_logs (created_at, task_id, attempt, seq, at, kind, text)
        SELECT a.created_at, a.task_id, 1, n, now(), 'task_ok', 'line ' || n FROM task_attempts a, generate_series(1, 5) n WHERE a.task_id = '{task_id}'"
    ))
    .await;
    tell(&app, id, "log", json!({"task_id": task_id, "attempt": 1, "from": 1, "to": 3})).await;
    tell(&app, id, "log", json!({"task_id": task_id, "attempt": 1, "from": 4, "to": 5})).await;
    let told = follow(&app, &joan, id, cursor.map(|cursor| cursor.to_string()).as_deref()).await.take(2).await;
    let texts = |told: &Told| told.data["lines"].as_array().expect("lines").iter().map(|line| line["text"].clone()).collect::<Vec<_>>();
    assert_eq!((told[0].kind.as_str(), texts(&told[0])), ("log", vec![json!("line 1"), json!("line 2"), json!("line 3")]));
    assert_eq!(texts(&told[1]), [json!("line 4"), json!("line 5")]);

    let page = app.get(&format!("/tasks/{task_id}/logs?limit=3"), &joan).await.ok();
    assert_eq!(
        (page["items"].as_array().map(Vec::len), &page["next_cursor"], &page["log"]),
        (Some(3), &page["cursor"], &json!("arriving"))
    );
    let rest = app.get(&format!("/tasks/{task_id}/logs?cursor={}", page["cursor"].as_str().expect("a cursor")), &joan).await.ok();
    assert_eq!((&rest["items"][0]["text"], &rest["items"][1]["seq"], &rest["next_cursor"]), (&json!("line 4"), &json!(5), &Value::Null));
}

#[tokio::test]
async fn a_bad_cursor_is_named_and_the_stop_ends_open_views() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Requester).await;
    let id = app.ask(&ada, "polish the lens").await;
    let call = app.call(Method::GET, &format!("/request/{id}/events"), &ada).header("last-event-id", "abc");
    assert_eq!(Answer::of(call).await.code(), 5123);
    let mut view = follow(&app, &ada, id, None).await;
    assert_eq!(view.take(1).await[0].id.as_deref(), Some("1"));
    app.stop();
    while view.next().await.is_some() {}
}

#[tokio::test]
async fn there_is_a_bound_to_how_many_live_views_are_open() {
    let app = App::with_options(chiffon_kernel::http::HttpOptions {
        views: chiffon_kernel::http::Most { all: 2, of_one: 1 },
        ..Default::default()
    })
    .await;
    let ada = app.token("ada", Role::Requester).await;
    let id = app.ask(&ada, "polish the lens").await;
    let first = follow(&app, &ada, id, None).await;
    let second = app.get(&format!("/request/{id}/events"), &ada).await;
    assert_eq!(second.code(), 5025);
    assert_eq!(second.header("retry-after"), "5");
    let bob = app.token("bob", Role::Viewer).await;
    let of_another = follow(&app, &bob, id, None).await;
    let carol = app.token("carol", Role::Viewer).await;
    let in_all = app.get(&format!("/request/{id}/events"), &carol).await;
    assert!(in_all.code() == 5025 && in_all.message().contains("(`http.max_streams`)"), "{in_all:?}");
    drop((first, of_another));
    chiffon_testkit::until("the place of the view that was closed", Duration::from_secs(5), async || {
        let response = app.call(Method::GET, &format!("/request/{id}/events"), &ada).send().await.expect("an answer");
        if response.status().is_success() { Ok(()) } else { Err(response.status()) }
    })
    .await;
}

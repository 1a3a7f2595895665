//! What happens when nothing happens: each state is bounded, and where only a person can decide, they are reminded.

use std::time::Duration;

use chiffon_harness::app::TestApp;
use chiffon_harness::conversation::{DEPLOY, REPORT, RESTART, ask, end_tasks, planned};
use chiffon_kernel::chores::Chore as _;
use chiffon_kernel::domain::role::Role;
use chiffon_process::Clock as _;
use chiffon_protocol::ErrorCode;
use chiffon_requests::chores::deadline_reaper::DeadlineReaper;
use chiffon_requests::verbs::submit::{self, Submit};
use chiffon_requests::verbs::{plan_round, say};
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

async fn code(app: &TestApp, request_id: Uuid) -> i64 {
    app.number("SELECT (error ->> 'code')::bigint FROM requests WHERE id = $1", request_id).await
}

async fn reap(app: &TestApp) -> usize {
    DeadlineReaper::new(app.context.clone()).tick().await.expect("it looks").done
}

#[tokio::test]
async fn a_question_that_nobody_answers_ends_its_request_and_an_answer_begins_the_time_anew() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, "paint the fence green").await;
    app.clock.advance(Duration::from_hours(6 * 24));
    assert_eq!(reap(&app).await, 0);
    say::run(&app.context, &ann, request_id, "paint it blue", None).await.expect("it is taken");
    app.plan().await;
    assert_eq!(app.status(request_id).await, "needs_input");
    app.clock.advance(Duration::from_hours(6 * 24));
    assert_eq!(reap(&app).await, 0, "the question is a new one");
    app.clock.advance(Duration::from_hours(25));
    assert_eq!(reap(&app).await, 1);
    assert_eq!((app.status(request_id).await.as_str(), code(&app, request_id).await), ("expired", 5129));
    let said = app.text("SELECT error ->> 'message' FROM requests WHERE id = $1", request_id).await.expect("it says why");
    assert!(said.contains("`needs_input`") && said.contains("deadlines.answer_within"), "{said}");
    assert_eq!(reap(&app).await, 0, "it is over");
}

#[tokio::test]
async fn a_request_that_never_gets_a_plan_expires_and_says_what_it_waited_for() {
    let app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, RESTART).await;
    assert_eq!(app.status(request_id).await, "planning", "there is no agent");
    app.clock.advance(Duration::from_hours(25));
    assert_eq!(reap(&app).await, 1);
    assert_eq!((app.status(request_id).await.as_str(), code(&app, request_id).await), ("expired", 5129));
    let said = app.text("SELECT error ->> 'message' FROM requests WHERE id = $1", request_id).await.expect("it says why");
    assert!(said.contains("no agent is connected"), "{said}");
}

#[tokio::test]
async fn a_round_that_two_planners_did_not_survive_is_set_aside_with_the_reason() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = ask(&app, &ann, RESTART).await;
    for _ in 0..2 {
        let lease = plan_round::lease(&app.context, request_id, 1).await.expect("the database answers");
        assert!(lease.is_some(), "the planner before died");
        sqlx::query("UPDATE requests SET planning_lease_until = now() - interval '1 second', resend_at = created_at")
            .execute(app.pool())
            .await
            .expect("it dies");
    }
    app.plan().await;
    assert_eq!((app.status(request_id).await.as_str(), code(&app, request_id).await), ("failed", 5135));
    let said = app.text("SELECT text FROM messages WHERE request_id = $1 ORDER BY seq DESC LIMIT 1", request_id).await.expect("it is said");
    assert!(said.contains("2 planners were cut off while they worked on it"), "{said}");
}

#[tokio::test]
async fn deaths_are_counted_anew_when_something_else_is_asked() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, "paint the fence green").await;
    assert_eq!(app.status(request_id).await, "needs_input");
    sqlx::query("UPDATE requests SET planning_deaths = 1").execute(app.pool()).await.expect("one planner has died");
    say::run(&app.context, &ann, request_id, RESTART, None).await.expect("it is taken");
    assert_eq!(app.number("SELECT planning_deaths::bigint FROM requests WHERE id = $1", request_id).await, 0);
    app.plan().await;
}

#[tokio::test]
async fn discoveries_that_no_agent_runs_end_with_their_request() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, DEPLOY).await;
    assert_eq!(app.status(request_id).await, "discovering");
    app.clock.advance(Duration::from_hours(25));
    assert_eq!(reap(&app).await, 1);
    assert_eq!((app.status(request_id).await.as_str(), code(&app, request_id).await), ("expired", 5129));
    assert_eq!(app.number("SELECT count(*) FROM tasks WHERE request_id = $1 AND finished_at IS NULL", request_id).await, 0);
}

#[tokio::test]
async fn an_asker_s_deadline_ends_what_has_not_begun() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let within = |minutes| Some(app.clock.now() + TimeDelta::minutes(minutes));
    let late = Submit { text: RESTART.to_owned(), deadline: within(-1), ..Submit::default() };
    let refused = submit::run(&app.context, &ann, late).await.expect_err("it has passed");
    assert_eq!((refused.code, &refused.details["field"]), (ErrorCode::InvalidParameters, &json!("deadline")));
    let mut asked = Vec::new();
    for (text, state) in [(RESTART, "awaiting_approval"), (DEPLOY, "discovering"), ("paint the fence green", "needs_input")] {
        let input = Submit { text: text.to_owned(), deadline: within(10), ..Submit::default() };
        let request_id = submit::run(&app.context, &ann, input).await.expect("it is taken").request_id;
        app.plan().await;
        assert_eq!(app.status(request_id).await, state);
        asked.push(request_id);
    }
    assert_eq!(reap(&app).await, 0);
    app.clock.advance(Duration::from_mins(11));
    assert_eq!(reap(&app).await, asked.len());
    for request_id in asked {
        assert_eq!((app.status(request_id).await.as_str(), code(&app, request_id).await), ("expired", 5128));
    }
}

#[tokio::test]
async fn who_has_to_decide_is_reminded_and_nothing_is_decided_for_them() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, REPORT).await;
    end_tasks(&app, request_id, "apply", "interrupted", json!({})).await;
    assert_eq!(app.status(request_id).await, "needs_attention");
    let reminders = "SELECT count(*) FROM messages WHERE request_id = $1 AND text LIKE 'Still `needs_attention` since %'";
    for day in 1..=2 {
        app.clock.advance(Duration::from_hours(25));
        assert_eq!(reap(&app).await, 1);
        assert_eq!(reap(&app).await, 0, "not more than once a day");
        assert_eq!(app.number(reminders, request_id).await, day);
    }
    assert_eq!(app.status(request_id).await, "needs_attention");
}

#[tokio::test]
async fn a_call_to_a_model_that_nobody_will_settle_counts_as_spent_once() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, RESTART).await;
    sqlx::query(
        "INSERT INTO llm_calls (id, request_id, round, provider, state, reserved_micro_usd, started_at)
        VALUES ($1, $2, 1, 'claude', 'reserved', 250000, $3)",
    )
    .bind(app.context.ids.new_id())
    .bind(request_id)
    .bind(app.clock.now())
    .execute(app.pool())
    .await
    .expect("stored");
    assert_eq!(reap(&app).await, 0, "it may still be answered");
    app.clock.advance(Duration::from_mins(61));
    assert_eq!((reap(&app).await, reap(&app).await), (1, 0));
    let spent = app.number("SELECT cost_micro_usd / 10000 FROM requests WHERE id = $1", request_id).await;
    assert_eq!(spent, 25);
    let state = app.text("SELECT state FROM llm_calls WHERE request_id = $1", request_id).await;
    assert_eq!(state.as_deref(), Some("uncertain"));
}

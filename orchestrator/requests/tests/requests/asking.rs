//! Asking, and what a planner makes of it.

use std::time::Duration;

use chiffon_bus::{Outgoing, Verdict};
use chiffon_harness::app::TestApp;
use chiffon_harness::conversation::{DEPLOY, REPORT, RESTART, ask, planned};
use chiffon_kernel::domain::role::Role;
use chiffon_process::Spawner;
use chiffon_protocol::message::PlanWanted;
use chiffon_protocol::topology::{REQUESTS, WORK_EXCHANGE};
use chiffon_protocol::{Envelope, ErrorCode};
use chiffon_requests::store::planning;
use chiffon_requests::verbs::planning_desk::PlanningDesk;
use chiffon_requests::verbs::submit::{self, Submit};
use chiffon_requests::verbs::{plan_round, say, wake_planning};
use futures::FutureExt as _;
use uuid::Uuid;

#[tokio::test]
async fn a_request_becomes_a_plan_that_waits_for_its_approver() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = ask(&app, &ann, RESTART).await;
    assert_eq!(app.status(request_id).await, "planning");
    app.plan().await;
    assert_eq!(app.status(request_id).await, "awaiting_approval");
    let waiting = app.text("SELECT waiting_for ->> 'text' FROM requests WHERE id = $1", request_id).await;
    assert_eq!(waiting.as_deref(), Some("one approver"));
    assert_eq!(app.plan_sha256(request_id).await.len(), 64);
    let said = app.number("SELECT count(*) FROM messages WHERE request_id = $1 AND sender = 'chiffon'", request_id).await;
    assert_eq!(said, 1, "Chiffon says what it plans");
}

#[tokio::test]
async fn each_step_of_a_request_stands_in_its_audit_chain_and_its_events_are_numbered() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, RESTART).await;
    let story = app
        .text("SELECT string_agg(actor || ' ' || event, ', ' ORDER BY seq) FROM audit_log WHERE chain = $1::text", request_id)
        .await
        .expect("a story");
    assert_eq!(story, "ann request.submitted, chiffon plan.made, chiffon plan.frozen");
    let gaps = app
        .number("SELECT count(*) - max(seq) + r.event_seq - max(seq) FROM request_events e JOIN streams r ON r.id = e.request_id WHERE r.id = $1 GROUP BY r.event_seq", request_id)
        .await;
    assert_eq!(gaps, 0);
}

#[tokio::test]
async fn who_asks_for_an_action_that_is_not_offered_is_told_by_whom_and_why() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    sqlx::query("UPDATE agents SET not_offered = $1")
        .bind(
            serde_json::json!([{"name": "rotate_cert", "code": 5508, "reason": "playbook.yml:17: `check_mode: false` runs this for real"}]),
        )
        .execute(app.pool())
        .await
        .expect("the agent has said so");
    let ann = app.person("ann", Role::Requester).await;
    for words in ["run rotate_cert on web", "rotate the certificate on web"] {
        let request_id = planned(&app, &ann, words).await;
        assert_eq!(app.status(request_id).await, "needs_input", "{words}");
        let query = "SELECT text FROM messages WHERE request_id = $1 AND sender = 'chiffon'";
        let said = app.text(query, request_id).await.expect("it is said");
        assert!(said.starts_with("`rotate_cert` is not offered by infra-1: playbook.yml:17: `check_mode: false`"), "{words}: {said}");
    }
    assert_eq!(app.status(planned(&app, &ann, RESTART).await).await, "awaiting_approval", "others are planned as ever");
}

#[tokio::test]
async fn what_changes_nothing_runs_at_once_and_the_audit_says_by_which_policy() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, REPORT).await;
    assert_eq!(app.status(request_id).await, "running");
    let by_policy = app.number("SELECT count(*) FROM audit_log WHERE chain = $1::text AND event = 'plan.run_by_policy'", request_id).await;
    assert_eq!(by_policy, 1);
}

#[tokio::test]
async fn a_plan_with_discoveries_runs_them_first() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, DEPLOY).await;
    assert_eq!(app.status(request_id).await, "discovering");
    let hash = app.text("SELECT p.sha256 FROM requests r JOIN plans p ON p.id = r.plan_id WHERE r.id = $1", request_id).await;
    assert_eq!(hash, None, "what is not known yet can't be approved");
}

#[tokio::test]
async fn without_an_agent_a_request_waits_and_says_so_until_one_comes() {
    let app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, RESTART).await;
    assert_eq!(app.status(request_id).await, "planning");
    let waiting = app.text("SELECT waiting_for ->> 'text' FROM requests WHERE id = $1", request_id).await.expect("it says so");
    assert!(waiting.starts_with("no agent is connected"), "{waiting}");
    app.announce_actions().await;
    let mut work = app.context.begin().await.expect("the database answers");
    assert_eq!(wake_planning::after_hello(&mut work).await.expect("it wakes"), 1);
    work.commit().await.expect("the database answers");
    app.plan().await;
    assert_eq!(app.status(request_id).await, "awaiting_approval");
}

#[tokio::test]
async fn where_agents_leave_out_all_that_they_have_a_request_is_told_why_instead_of_waiting() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    sqlx::query("DELETE FROM agent_actions").execute(app.pool()).await.expect("no action is left");
    sqlx::query("UPDATE agents SET not_offered = '[{\"name\": \"rotate_cert\", \"code\": 5508, \"reason\": \"no playbook.yml\"}]'")
        .execute(app.pool())
        .await
        .expect("the agent has said so");
    let ann = app.person("ann", Role::Requester).await;
    for words in [RESTART, "rotate the certificate on web"] {
        let request_id = planned(&app, &ann, words).await;
        assert_eq!(app.status(request_id).await, "needs_input", "{words}");
        let said = app.text("SELECT text FROM messages WHERE request_id = $1 AND sender = 'chiffon'", request_id).await;
        let said = said.expect("it is said");
        assert!(
            said.contains("`rotate_cert` is not offered by infra-1: no playbook.yml") && said.contains("no agent offers any"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn what_can_not_be_planned_asks_and_the_answer_is_planned() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, "paint the fence green").await;
    assert_eq!(app.status(request_id).await, "needs_input");
    let what = app.text("SELECT waiting_for ->> 'what' FROM requests WHERE id = $1", request_id).await;
    assert_eq!(what.as_deref(), Some("answer"));
    let said = say::run(&app.context, &ann, request_id, RESTART, None).await.expect("it is taken");
    assert_eq!((said.status.as_str(), said.round), ("planning", 2));
    app.plan().await;
    assert_ne!(app.status(request_id).await, "planning");
}

#[tokio::test]
async fn bad_words_are_refused_by_name() {
    let app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let viewer = app.person("vic", Role::Viewer).await;
    let code = async |principal, text: &str| {
        let input = Submit { text: text.to_owned(), ..Submit::default() };
        submit::run(&app.context, principal, input).await.expect_err("it is refused").code
    };
    assert_eq!(code(&ann, " \n\t ").await, ErrorCode::EmptyText);
    assert_eq!(code(&ann, "\0").await, ErrorCode::EmptyText);
    assert_eq!(code(&ann, &"ä".repeat(8001)).await, ErrorCode::TextTooLong);
    assert_eq!(code(&viewer, RESTART).await, ErrorCode::Forbidden);
    assert_eq!(app.number("SELECT count(*) FROM requests WHERE id <> $1", Uuid::nil()).await, 0, "nothing is half-done");
}

#[tokio::test]
async fn a_trace_that_the_caller_began_goes_on() {
    let mut app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let input = Submit { text: RESTART.to_owned(), trace_id: Some(trace_id.to_owned()), ..Submit::default() };
    assert_eq!(submit::run(&app.context, &ann, input).await.expect("it is taken").trace_id, trace_id);
    app.leave_behind();
}

#[tokio::test]
async fn a_round_is_planned_by_one_planner_however_often_it_is_delivered() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = ask(&app, &ann, RESTART).await;
    // As an orchestrator of the version before says it, when its own look finds the round.
    app.want_plan(request_id).await;
    app.want_plan(request_id).await;
    assert_eq!(app.plan().await, [Verdict::Ack, Verdict::Ack]);
    assert_eq!(app.number("SELECT count(*) FROM plans WHERE request_id = $1", request_id).await, 1);
}

#[tokio::test]
async fn what_is_to_be_planned_needs_no_broker_and_each_round_is_planned_once_by_desks_side_by_side() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    for _ in 0..12 {
        ask(&app, &ann, RESTART).await;
    }
    assert!(app.context.wakes.planner.notified().now_or_never().is_some(), "who is asked is woken");
    app.context.bus.close(Duration::from_secs(1)).await;
    let tasks = Spawner::new(app.context.shutdown.clone());
    let (one, other) = (PlanningDesk::new(app.context.clone(), tasks.clone()), PlanningDesk::new(app.context.clone(), tasks.clone()));
    let mut taken = 0;
    while taken < 12 {
        let (ones, others) = tokio::join!(one.take_due(), other.take_due());
        taken += ones.expect("it looks") + others.expect("it looks");
        tokio::task::yield_now().await;
    }
    assert!(tasks.finish(Duration::from_secs(20)).await, "planning ends");
    assert_eq!(app.number("SELECT count(*) FROM plans WHERE id <> $1", Uuid::nil()).await, 12);
    assert_eq!(one.take_due().await.expect("it looks"), 0);
}

#[tokio::test]
async fn who_waits_for_a_planner_while_all_are_busy_is_looked_at_again_and_not_overdue() {
    let mut app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = ask(&app, &ann, RESTART).await;
    app.clock.advance(Duration::from_mins(5));
    let mut connection = app.context.store.acquire().await.expect("the database answers");
    let now = app.context.clock.now();
    planning::put_off(&mut connection, now - app.context.settings.resend_after, now).await.expect("it is noted");
    let waited = app.text("SELECT (resend_at > created_at)::text FROM requests WHERE id = $1", request_id).await;
    assert_eq!(waited.as_deref(), Some("true"));
    assert_eq!(planning::lease_due(&mut connection, now, Duration::from_mins(1), now, 8).await.expect("it leases").len(), 1);
    app.leave_behind();
}

#[tokio::test]
async fn a_plan_for_a_conversation_that_has_moved_on_is_dropped() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = ask(&app, &ann, "paint the fence green").await;
    let slow = plan_round::lease(&app.context, request_id, 1).await.expect("the database answers").expect("it is free");
    assert_eq!(plan_round::lease(&app.context, request_id, 1).await.expect("the database answers"), None, "one planner at a time");
    sqlx::query("UPDATE requests SET planning_lease_until = now() - interval '1 second', resend_at = created_at WHERE id = $1")
        .bind(request_id)
        .execute(app.pool())
        .await
        .expect("the lease runs out");
    app.plan().await;
    assert_eq!(app.status(request_id).await, "needs_input");
    plan_round::run(&app.context, &slow).await.expect("a late planner is no trouble");
    assert_eq!(app.number("SELECT count(*) FROM messages WHERE request_id = $1", request_id).await, 2, "its question is not asked");
}

#[tokio::test]
async fn an_unsigned_or_forged_delivery_is_poison_and_plans_nothing() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let envelope = Envelope {
        message_id: app.context.ids.new_message_id(),
        trace_id: app.context.ids.new_trace_id(),
        request_id: app.context.ids.new_id(),
        timestamp: app.context.clock.now(),
        message: PlanWanted { round: 1 }.into(),
    };
    let outgoing = Outgoing {
        exchange: WORK_EXCHANGE.to_owned(),
        routing_key: REQUESTS.to_owned(),
        message_id: envelope.message_id.to_string(),
        correlation_id: envelope.trace_id.clone(),
        headers: std::collections::BTreeMap::new(),
        body: envelope.to_bytes().into(),
        transient: false,
    };
    app.context.bus.publish(outgoing.clone()).await.expect("the broker takes it");
    let expires = app.context.clock.now() + Duration::from_mins(1);
    let forged = chiffon_protocol::signature::sign(&app.agent_key, REQUESTS, expires, &outgoing.body);
    let headers = std::collections::BTreeMap::from([(chiffon_protocol::signature::HEADER.to_owned(), forged)]);
    app.context.bus.publish(Outgoing { headers, ..outgoing }).await.expect("the broker takes it");
    for verdict in app.plan().await {
        assert!(matches!(verdict, Verdict::Reject { code: 5012, .. }), "{verdict:?}");
    }
    for _ in 0..2 {
        let dead = app.context.bus.peek(chiffon_protocol::topology::DEAD_LETTERS, 1).await.expect("the queue is there");
        for delivery in dead {
            delivery.settle(Verdict::Ack).await;
        }
    }
}

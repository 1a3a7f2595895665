//! The relay: sent at least once, forgotten when confirmed, and taken back where nobody has a queue for it (RELIABILITY 2).

use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::Verdict;
use chiffon_engine::verbs::dispatch;
use chiffon_harness::app::TestApp;
use chiffon_harness::conversation::{RESTART, ask};
use chiffon_kernel::chores::Chore as _;
use chiffon_kernel::chores::outbox_relay::OutboxRelay;
use chiffon_kernel::domain::role::Role;
use chiffon_kernel::store::outbox::{self, Message};
use chiffon_protocol::message::PlanWanted;
use chiffon_protocol::topology::REQUESTS;
use chiffon_protocol::{Envelope, ErrorCode};
use chiffon_requests::verbs::decide::Decision::Approve;
use uuid::Uuid;

const ROWS: &str = "SELECT count(*) FROM outbox WHERE message_id <> $1";

#[tokio::test]
async fn what_is_sent_is_signed_traced_and_forgotten() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = ask(&app, &ann, RESTART).await;
    app.want_plan(request_id).await;
    assert_eq!(app.relay().await.done, 1);
    assert_eq!(app.number(ROWS, Uuid::nil()).await, 0);
    let delivery = app.context.bus.peek(REQUESTS, 1).await.expect("the queue is there").pop().expect("it is there");
    let ring = chiffon_protocol::key::Keyring::new([app.context.key.public()]);
    let header = delivery.headers.get(chiffon_protocol::signature::HEADER).map(String::as_str);
    chiffon_protocol::signature::verify(&ring, header, REQUESTS, &delivery.body, app.context.clock.now()).expect("it is signed");
    let envelope = Envelope::parse(&delivery.body).expect("it reads");
    assert!(delivery.headers["traceparent"].starts_with(&format!("00-{}-", envelope.trace_id)));
    drop(delivery);
    assert_eq!(app.plan().await, [Verdict::Ack]);
}

#[tokio::test]
async fn a_crash_between_confirm_and_delete_sends_twice_and_plans_once() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = ask(&app, &ann, RESTART).await;
    app.want_plan(request_id).await;
    // What a relay has done when it dies: the row is leased and the broker has confirmed the message, but the row stands.
    sqlx::query("CREATE TABLE kept AS SELECT * FROM outbox").execute(app.pool()).await.expect("a copy");
    app.relay().await;
    sqlx::query("INSERT INTO outbox OVERRIDING SYSTEM VALUE SELECT * FROM kept").execute(app.pool()).await.expect("the row stands");
    assert_eq!(app.plan().await, [Verdict::Ack, Verdict::Ack], "it is sent again under the same message id");
    assert_eq!(app.number("SELECT count(*) FROM plans WHERE request_id = $1", request_id).await, 1);
}

#[tokio::test]
async fn a_row_that_another_relay_sends_is_left_to_it_until_its_lease_ends() {
    let app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = ask(&app, &ann, RESTART).await;
    app.want_plan(request_id).await;
    let mut connection = app.context.store.acquire().await.expect("the database answers");
    assert_eq!(outbox::lease(&mut connection, 10, Duration::from_mins(1)).await.expect("it leases").len(), 1);
    assert_eq!(app.relay().await.done, 0);
    sqlx::query("UPDATE outbox SET leased_until = now() - interval '1 second'").execute(app.pool()).await.expect("the lease ends");
    assert_eq!(app.relay().await.done, 1);
    app.plan().await;
}

#[tokio::test]
async fn what_is_handed_over_is_sent_without_another_look_and_by_nobody_else() {
    let app = TestApp::start().await;
    app.context.handed.open();
    let ann = app.person("ann", Role::Requester).await;
    let request_id = ask(&app, &ann, RESTART).await;
    app.want_plan(request_id).await;
    let mut connection = app.context.store.acquire().await.expect("the database answers");
    assert_eq!(outbox::lease(&mut connection, 10, Duration::from_mins(1)).await.expect("it leases").len(), 0, "others leave it alone");
    assert_eq!(app.relay().await.done, 1);
    assert_eq!(app.number(ROWS, Uuid::nil()).await, 0);
    assert_eq!(app.plan().await, [Verdict::Ack]);
}

#[tokio::test]
async fn what_a_process_had_in_hand_is_sent_at_once_when_it_leaves_and_after_its_lease_when_it_dies() {
    let app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let leave = async || {
        app.context.handed.open();
        let request_id = ask(&app, &ann, RESTART).await;
        app.want_plan(request_id).await;
        app.context.handed.close()
    };
    let mut connection = app.context.store.acquire().await.expect("the database answers");
    outbox::give_back(&mut connection, &leave().await).await.expect("it leaves");
    assert_eq!(app.relay().await.done, 1);
    leave().await;
    assert_eq!(app.relay().await.done, 0);
    sqlx::query("UPDATE outbox SET leased_until = now() - interval '1 second'").execute(app.pool()).await.expect("the lease ends");
    assert_eq!(app.relay().await.done, 1);
    app.plan().await;
}

#[tokio::test]
async fn a_broker_that_is_away_loses_nothing_and_the_relay_says_why() {
    let mut app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = ask(&app, &ann, RESTART).await;
    app.want_plan(request_id).await;
    app.context.bus.close(Duration::from_secs(1)).await;
    let problem =
        OutboxRelay::new(app.context.kernel.clone(), Arc::new(chiffon_engine::verbs::unclaimed::Offers::new(app.context.engine.clone())))
            .tick()
            .await
            .expect_err("nothing can be sent");
    assert_eq!(problem.code, ErrorCode::BrokerUnavailable);
    let why = app.text("SELECT last_error FROM outbox WHERE message_id <> $1", Uuid::nil()).await;
    assert_eq!(why.as_deref(), Some("the bus is closed"));
    app.context.engine.kernel.bus = app.broker.connect();
    sqlx::query("UPDATE outbox SET leased_until = NULL").execute(app.pool()).await.expect("its rest is over");
    assert_eq!(app.relay().await.done, 1);
    app.plan().await;
}

#[tokio::test]
async fn an_answer_to_an_agent_that_is_gone_is_dropped() {
    let app = TestApp::start().await;
    let envelope = Envelope {
        message_id: app.context.ids.new_message_id(),
        trace_id: app.context.ids.new_trace_id(),
        request_id: Uuid::nil(),
        timestamp: app.context.clock.now(),
        message: PlanWanted { round: 1 }.into(),
    };
    let mut work = app.context.begin().await.expect("the database answers");
    work.send(Message::control("agent.control.gone.1", "gone", &envelope));
    work.commit().await.expect("it is stored");
    assert_eq!(app.relay().await.done, 1);
    assert_eq!(app.number(ROWS, Uuid::nil()).await, 0);
}

#[tokio::test]
async fn work_that_no_queue_takes_waits_again_and_says_why() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let (ann, bob) = (app.person("ann", Role::Requester).await, app.person("bob", Role::Approver).await);
    let request_id = ask(&app, &ann, RESTART).await;
    app.plan().await;
    chiffon_harness::conversation::decide(&app, &bob, request_id, Approve, None).await.expect("it is taken");
    dispatch::run(&app.context).await.expect("it looks");
    let offered = sqlx::query("UPDATE outbox SET routing_key = 'agent.desktop.gone' WHERE task_id IS NOT NULL").execute(app.pool()).await;
    assert_eq!(offered.expect("the offer stands").rows_affected(), 1);
    app.relay().await;
    let task =
        app.text("SELECT status || ': ' || (waiting_for ->> 'text') FROM tasks WHERE request_id = $1", request_id).await.expect("a task");
    assert!(task.starts_with("waiting: the broker has no queue for it"), "{task}");
    assert_eq!(app.number(ROWS, Uuid::nil()).await, 0);
}

//! Requests over AMQP: what an enrolled principal has signed becomes one request, by the same checks as over HTTP (RELIABILITY 20).

use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::{Bus, BusError, Delivery, Outgoing, Published, Verdict};
use chiffon_engine::deliveries::dead_letters::DeadLettersInbox;
use chiffon_engine::verbs::dead_letters::replay;
use chiffon_harness::app::TestApp;
use chiffon_harness::conversation::RESTART;
use chiffon_kernel::deliveries::Inbox as _;
use chiffon_kernel::domain::role::Role;
use chiffon_kernel::verbs::principal_keys::{self, Trust};
use chiffon_kernel::verbs::tokens::Who;
use chiffon_process::{Clock as _, IdSource as _, RandomIds, Spawner};
use chiffon_protocol::key::KeyPair;
use chiffon_protocol::message::{PlanWanted, UserRequest};
use chiffon_protocol::topology::{DEAD_LETTERS, REQUESTS, WORK_EXCHANGE};
use chiffon_protocol::{Envelope, Message, signature};
use chiffon_requests::deliveries::requests;
use chiffon_requests::store::read::requests::{Filter, list};
use chiffon_requests::verbs::open_requests::OpenRequestLimits;
use chiffon_requests::verbs::planning_desk::PlanningDesk;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// What the how-to shows; a test compares.
const HOW_TO: &str = include_str!("../../../../docs/how-to/ask-over-amqp.md");

// The how-to begins here.
/// Asks in the name of the key's owner. Once this is `Routed`, the broker has it and will not lose it; on anything else, call it again
/// with the same `message_id`: however often it arrives, it becomes one request.
async fn ask(bus: &dyn Bus, key: &KeyPair, message_id: Uuid, text: &str, now: DateTime<Utc>) -> Result<Published, BusError> {
    let asked = UserRequest { text: text.to_owned(), max_cost_usd: Some(0.50), ..UserRequest::default() };
    let envelope =
        Envelope { message_id, trace_id: RandomIds.new_trace_id(), request_id: Uuid::nil(), timestamp: now, message: asked.into() };
    let body = envelope.to_bytes();
    let signature = signature::sign(key, REQUESTS, now + Duration::from_hours(1), &body);
    let message = Outgoing {
        exchange: WORK_EXCHANGE.to_owned(),
        routing_key: REQUESTS.to_owned(),
        message_id: message_id.to_string(),
        correlation_id: envelope.trace_id,
        headers: [(signature::HEADER.to_owned(), signature)].into(),
        body: body.into(),
        transient: false,
    };
    bus.publish(message).await
}
// The how-to ends here.

#[test]
fn the_how_to_shows_the_code_that_is_tested() {
    let source = include_str!("messaging.rs");
    let (_, rest) = source.split_once("// The how-to begins here.\n").expect("a beginning");
    let (code, _) = rest.split_once("// The how-to ends here.").expect("an end");
    assert!(HOW_TO.contains(code), "docs/how-to/ask-over-amqp.md shows other code than\n{code}");
}

async fn trusted(app: &TestApp, name: &str, role: Role) -> KeyPair {
    let key = KeyPair::generate();
    let trust = Trust { who: Who { name: name.to_owned(), role, program: true }, key: key.public(), label: "test".to_owned() };
    principal_keys::trust(&app.context, "admin", &trust).await.expect("it is trusted");
    key
}

async fn found(app: &TestApp, message_id: Uuid) -> Vec<(Uuid, String)> {
    let filter = Filter { message_id: Some(message_id), ..Filter::default() };
    let rows = list(app.pool(), &app.context.settings.kinds, &filter, 10).await.expect("the list reads");
    rows.into_iter().map(|row| (row.request_id, row.requested_by)).collect()
}

async fn count(app: &TestApp) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM requests").fetch_one(app.pool()).await.expect("reads")
}

/// Puts bytes onto the queue; what becomes of them.
async fn verdict_on(app: &TestApp, body: Vec<u8>, header: Option<String>) -> Verdict {
    let outgoing = Outgoing {
        exchange: WORK_EXCHANGE.to_owned(),
        routing_key: REQUESTS.to_owned(),
        message_id: RandomIds.new_message_id().to_string(),
        correlation_id: String::new(),
        headers: header.into_iter().map(|header| (signature::HEADER.to_owned(), header)).collect(),
        body: body.into(),
        transient: false,
    };
    app.context.bus.publish(outgoing).await.expect("published");
    // Planning of requests before it may be due as well, and is acknowledged.
    let mut verdicts = app.plan().await;
    let refused = verdicts.iter().position(|verdict| matches!(verdict, Verdict::Reject { .. }));
    refused.map(|at| verdicts.swap_remove(at)).or_else(|| verdicts.pop()).expect("a verdict")
}

fn code(verdict: &Verdict) -> Option<u16> {
    if let Verdict::Reject { code, .. } = verdict { Some(*code) } else { None }
}

fn message(app: &TestApp, message: impl Into<Message>) -> Vec<u8> {
    let (message_id, trace_id) = (RandomIds.new_message_id(), RandomIds.new_trace_id());
    Envelope { message_id, trace_id, request_id: Uuid::nil(), timestamp: app.clock.now(), message: message.into() }.to_bytes()
}

fn wish(text: &str) -> UserRequest {
    UserRequest { text: text.to_owned(), ..UserRequest::default() }
}

fn soon(app: &TestApp) -> DateTime<Utc> {
    app.clock.now() + Duration::from_mins(1)
}

#[tokio::test]
async fn a_signed_message_becomes_one_request_however_often_and_late_it_comes() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let key = trusted(&app, "ticket-bot", Role::Requester).await;
    let message_id = RandomIds.new_message_id();
    let bus = app.broker.connect();
    for text in [RESTART, RESTART, "restart everything"] {
        let published = ask(&*bus, &key, message_id, text, app.clock.now()).await.expect("the broker takes it");
        assert_eq!(published, Published::Routed);
    }
    let verdicts = app.plan().await;
    assert_eq!(verdicts.iter().map(code).collect::<Vec<_>>(), [None, None, Some(5118)], "another wish under the same id is refused");
    let requests = found(&app, message_id).await;
    let [(request_id, who)] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(who, "ticket-bot");
    app.plan().await;
    assert_eq!(app.status(*request_id).await, "awaiting_approval");
    let query = "SELECT actor || ' ' || (data ->> 'message_id') FROM audit_log WHERE chain = $1::text AND event = 'request.submitted'";
    let by = app.text(query, *request_id).await;
    assert_eq!(by, Some(format!("ticket-bot {message_id}")));
    drain_letters(&app).await;
}

#[tokio::test]
async fn a_redelivery_does_nothing_twice_even_at_the_same_moment_or_after_years() {
    let app = TestApp::start().await;
    let key = trusted(&app, "ticket-bot", Role::Requester).await;
    let deadline = Some(app.clock.now() + Duration::from_hours(1));
    let body = message(&app, UserRequest { deadline, ..wish(RESTART) });
    let header = signature::sign(&key, REQUESTS, app.clock.now() + Duration::from_hours(24 * 900), &body);
    let deliveries = delivered(&app, &body, &header, 2).await;
    let desk = PlanningDesk::new(app.context.clone(), Spawner::new(app.context.shutdown.clone()));
    let taken = async |delivery: &Delivery| loop {
        match requests::handle(&desk, delivery).await {
            // The inbox tries again what is being taken in elsewhere.
            Err(problem) if problem.code.is_retryable() => {}
            answer => return answer.expect("it is taken in"),
        }
    };
    let (one, other) = tokio::join!(taken(&deliveries[0]), taken(&deliveries[1]));
    assert_eq!((one, other), (Verdict::Ack, Verdict::Ack));
    assert_eq!(count(&app).await, 1);
    for delivery in deliveries {
        assert!(delivery.settle(Verdict::Ack).await);
    }
    app.clock.advance(Duration::from_hours(24 * 800));
    assert_eq!(verdict_on(&app, body, Some(header)).await, Verdict::Ack, "its deadline has passed, and it is there all the same");
    assert_eq!(count(&app).await, 1);
    app.plan().await;
}

async fn delivered(app: &TestApp, body: &[u8], header: &str, times: usize) -> Vec<Delivery> {
    let mut consumer = app.context.bus.consume(REQUESTS, 16).await.expect("the queue is there");
    let mut deliveries = Vec::new();
    for _ in 0..times {
        let outgoing = Outgoing {
            exchange: WORK_EXCHANGE.to_owned(),
            routing_key: REQUESTS.to_owned(),
            message_id: String::new(),
            correlation_id: String::new(),
            headers: [(signature::HEADER.to_owned(), header.to_owned())].into(),
            body: body.to_vec().into(),
            transient: false,
        };
        app.context.bus.publish(outgoing).await.expect("published");
        deliveries.push(consumer.next().await.expect("a delivery"));
    }
    deliveries
}

#[tokio::test]
async fn what_nobody_enrolled_has_signed_and_what_http_would_refuse_is_dead_lettered_with_its_code() {
    let app = TestApp::start().await;
    let key = trusted(&app, "ticket-bot", Role::Requester).await;
    let (viewer, gone) = (trusted(&app, "wallboard", Role::Viewer).await, trusted(&app, "old-bot", Role::Requester).await);
    principal_keys::revoke(&app.context, "admin", gone.public().id().as_str()).await.expect("it is taken back");
    let past = app.clock.now() - Duration::from_mins(1);
    let good = message(&app, wish(RESTART));
    let sign = |key: &KeyPair, body: &[u8]| Some(signature::sign(key, REQUESTS, soon(&app), body));
    let changed = message(&app, wish("restart everything"));
    let costly = message(&app, UserRequest { max_cost_usd: Some(-1.0), ..wish(RESTART) });
    let urgent = message(&app, UserRequest { priority: Some(101), ..wish(RESTART) });
    let late = message(&app, UserRequest { deadline: Some(past), ..wish(RESTART) });
    let (empty, long) = (message(&app, wish(" ")), message(&app, wish(&"x".repeat(8001))));
    let wake = message(&app, PlanWanted { round: 1 });
    let cases = [
        ("unsigned", good.clone(), None, 5012),
        ("a stranger's", good.clone(), sign(&KeyPair::generate(), &good), 5012),
        ("an agent's", good.clone(), sign(&app.agent_key, &good), 5012),
        ("taken back", good.clone(), sign(&gone, &good), 5012),
        ("changed", changed, sign(&key, &good), 5012),
        ("to another", good.clone(), Some(signature::sign(&key, "orchestrator.results", soon(&app), &good)), 5012),
        ("expired", good.clone(), Some(signature::sign(&key, REQUESTS, past, &good)), 5012),
        ("a viewer's", good.clone(), sign(&viewer, &good), 5701),
        ("a wake of a principal", wake.clone(), sign(&key, &wake), 5003),
        ("a request of an orchestrator", good.clone(), sign(&app.context.key, &good), 5003),
        ("without words", empty.clone(), sign(&key, &empty), 5102),
        ("too long", long.clone(), sign(&key, &long), 5103),
        ("below nothing", costly.clone(), sign(&key, &costly), 5111),
        ("too urgent", urgent.clone(), sign(&key, &urgent), 5111),
        ("too late", late.clone(), sign(&key, &late), 5111),
    ];
    for (what, body, header, expected) in cases {
        let verdict = verdict_on(&app, body, header).await;
        assert_eq!(code(&verdict), Some(expected), "{what}: {verdict:?}");
    }
    assert_eq!(count(&app).await, 0);
    drain_letters(&app).await;
    let senders: Vec<Option<String>> = sqlx::query_scalar("SELECT DISTINCT sender FROM dead_letters WHERE sender IS NOT NULL ORDER BY 1")
        .fetch_all(app.pool())
        .await
        .expect("reads");
    let senders: Vec<String> = senders.into_iter().flatten().collect();
    assert!(senders.contains(&"ticket-bot".to_owned()) && senders.contains(&"wallboard".to_owned()), "{senders:?}");
}

#[tokio::test]
async fn one_who_asks_over_amqp_has_so_many_open_requests_and_holds_nobody_up() {
    let mut app = TestApp::start().await;
    let settings = Arc::make_mut(&mut app.context.settings);
    settings.open_requests = OpenRequestLimits { all: 3, of_one: 2 };
    let (bot, other) = (trusted(&app, "ticket-bot", Role::Requester).await, trusted(&app, "wallboard", Role::Requester).await);
    let ask = async |key: &KeyPair| {
        let body = message(&app, wish(RESTART));
        let header = signature::sign(key, REQUESTS, soon(&app), &body);
        (verdict_on(&app, body.clone(), Some(header.clone())).await, body, header)
    };
    assert_eq!(ask(&bot).await.0, Verdict::Ack);
    let (verdict, second, header) = ask(&bot).await;
    assert_eq!(verdict, Verdict::Ack);
    let (refused, ..) = ask(&bot).await;
    let Verdict::Reject { code: 5024, reason } = &refused else { panic!("{refused:?}") };
    assert!(reason.contains("`ticket-bot` has 2 open requests") && reason.contains("max_open_requests_per_principal"), "{reason}");
    assert_eq!(verdict_on(&app, second, Some(header)).await, Verdict::Ack, "one that is there comes again without being one more");
    assert_eq!(ask(&other).await.0, Verdict::Ack, "another's are their own");
    let (refused, ..) = ask(&other).await;
    assert!(matches!(&refused, Verdict::Reject { code: 5024, reason } if reason.starts_with("3 requests are open")), "{refused:?}");
    assert_eq!(count(&app).await, 3);
    drain_letters(&app).await;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM dead_letters").fetch_one(app.pool()).await.expect("reads");
    assert_eq!(kept, 2, "what was refused is kept for a person to send again");
}

#[tokio::test]
async fn a_request_that_came_too_late_is_replayed_by_a_person_and_what_was_forged_is_not() {
    let app = TestApp::start().await;
    let key = trusted(&app, "ticket-bot", Role::Requester).await;
    let past = app.clock.now() - Duration::from_mins(1);
    let (late, forged) = (message(&app, wish(RESTART)), message(&app, wish("restart everything")));
    let header = signature::sign(&key, REQUESTS, past, &late);
    assert_eq!(code(&verdict_on(&app, late, Some(header.clone())).await), Some(5012));
    assert_eq!(code(&verdict_on(&app, forged, Some(header)).await), Some(5012));
    drain_letters(&app).await;
    let letters: Vec<(Uuid, String)> =
        sqlx::query_as("SELECT id, signature FROM dead_letters ORDER BY signature").fetch_all(app.pool()).await.expect("reads");
    let [(late, expired), (forged, invalid)] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((expired.as_str(), invalid.as_str()), ("expired", "invalid"));
    replay::run(&app.context, "ann", *forged).await.expect_err("nobody signed it");
    replay::run(&app.context, "ann", *late).await.expect("it is sent again");
    assert_eq!(app.plan().await, [Verdict::Ack]);
    assert_eq!(count(&app).await, 1);
    app.plan().await;
}

#[tokio::test]
async fn a_key_is_one_principals_and_never_an_agents() {
    let app = TestApp::start().await;
    let key = trusted(&app, "ticket-bot", Role::Requester).await;
    let trust = async |name: &str, role: Role, key: &KeyPair| {
        let trust = Trust { who: Who { name: name.to_owned(), role, program: true }, key: key.public(), label: String::new() };
        principal_keys::trust(&app.context, "admin", &trust).await.map_err(|problem| problem.code.number())
    };
    assert!(trust("ticket-bot", Role::Requester, &key).await.is_ok(), "twice is the same as once");
    assert_eq!(trust("other-bot", Role::Requester, &key).await, Err(5111));
    assert_eq!(trust("ticket-bot", Role::Operator, &KeyPair::generate()).await, Err(5111), "a key changes no role");
    assert_eq!(trust("approver-bot", Role::Approver, &KeyPair::generate()).await, Err(5111), "a program never approves");
    assert_eq!(trust("agent-bot", Role::Requester, &app.agent_key).await, Err(5111));
    for _ in 0..2 {
        let revoked = principal_keys::revoke(&app.context, "admin", key.id()).await.expect("it is taken back");
        assert!(revoked.revoked_at.is_some());
    }
    assert_eq!(trust("ticket-bot", Role::Requester, &key).await, Err(5111), "what was taken back stays so");
    let unknown = principal_keys::revoke(&app.context, "admin", "0000000000000000").await.expect_err("no such key");
    assert_eq!(unknown.code.number(), 5020);
    let events: Vec<String> = sqlx::query_scalar("SELECT event FROM audit_log WHERE event LIKE 'key.%' ORDER BY seq")
        .fetch_all(app.pool())
        .await
        .expect("the audit log reads");
    assert_eq!(events, ["key.trusted", "key.revoked"]);
}

/// Takes the dead letters in.
async fn drain_letters(app: &TestApp) {
    let inbox = DeadLettersInbox::new(app.context.engine.clone());
    let (ready, _) = app.context.bus.depth(DEAD_LETTERS).await.expect("the queue is there");
    let mut consumer = app.context.bus.consume(DEAD_LETTERS, 64).await.expect("the queue is there");
    for _ in 0..ready {
        let letter = consumer.next().await.expect("a letter");
        let verdicts = inbox.handle(std::slice::from_ref(&letter)).await.expect("it is kept");
        assert!(letter.settle(verdicts[0].clone()).await);
    }
}

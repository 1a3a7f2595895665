//! Peers that know only the fixed message fields: admitted by configuration, never believed further than that, never tried again
//! (RELIABILITY 5).

use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::{Delivery, Outgoing, Verdict};
use chiffon_engine::deliveries::results::ResultsInbox;
use chiffon_engine::verbs::unverified;
use chiffon_fleet::domain::unverified::{Peer, WARNING};
use chiffon_harness::site::{Site, id, step};
use chiffon_harness::wire::WireAgent;
use chiffon_kernel::deliveries::Inbox as _;
use chiffon_process::{Clock as _, IdSource as _, RandomIds};
use chiffon_protocol::kind::{DESKTOP, Kinds};
use chiffon_protocol::message::{Outcome, WorkRequest};
use chiffon_protocol::topology::{CLAIMS, QueueType, RESULTS, STATUS, Topology, WORK_EXCHANGE};
use chiffon_protocol::{ActionSpec, Envelope, ErrorCode, Message, canonical};
use chiffon_records::store::git_outbox;
use chiffon_records::verbs::record::Stories;
use serde_json::{Value, json};
use uuid::Uuid;

const QUEUE: &str = "agent.desktop.oldbox";
const AGENT: &str = "unverified:agent.desktop.oldbox";

const SET_CLOCK: &str = r#"
name: set_clock
title: Set the clock
description: Sets the clock.
agent_type: desktop
target: {parameter: host}
parameters:
  type: object
  required: [host]
  properties:
    host: {type: string, format: inventory-host}
risk: low
repeatable: "yes"
check: none
timeout_seconds: 60
"#;

fn action() -> ActionSpec {
    ActionSpec::from_yaml(SET_CLOCK).expect("the action reads")
}

fn set_clock() -> Value {
    json!({
        "step_id": "clock", "title": "Set the clock of oldbox", "agent_type": "desktop", "action": "set_clock",
        "action_sha256": canonical::sha256_hex(&action()), "parameters": {"host": "oldbox"}, "hosts": ["oldbox"], "depends_on": [],
        "resources_required": {"memory_gb": 0.5}, "risk": "low", "repeatable": "yes", "check": "none", "timeout_seconds": 60,
        "phase": "apply",
    })
}

/// A site that admits the peer behind `agent.desktop.oldbox`, which has its queue.
async fn site() -> Site {
    let peer = Peer::new(&Kinds::default(), QUEUE, vec![action()]).expect("it can be admitted");
    let site = Site::start_admitting(vec![peer]).await;
    let queues = Topology::of_agent(QueueType::Classic, &DESKTOP, "oldbox");
    site.app.context.bus.declare(&queues).await.expect("the queue is declared");
    unverified::enrol(&site.app.context).await.expect("it is enrolled");
    site
}

/// What the peer receives next.
async fn work(site: &Site) -> WorkRequest {
    let mut consumer = site.app.context.bus.consume(QUEUE, 1).await.expect("the queue is there");
    let delivery = consumer.next().await.expect("a delivery");
    let envelope = Envelope::parse(&delivery.body).expect("a message");
    assert!(delivery.settle(Verdict::Ack).await);
    let Message::WorkRequest(work) = envelope.message else { panic!("not work: {envelope:?}") };
    work
}

async fn nothing_waits(site: &Site) {
    assert_eq!(site.app.context.bus.depth(QUEUE).await.expect("the queue is there").0, 0, "nothing is offered again");
}

/// Says something with the fixed fields only, and without a signature.
async fn say(site: &Site, queue: &str, message_type: &str, payload: Value) {
    let body = json!({"message_id": RandomIds.new_message_id(), "trace_id": "t", "request_id": Uuid::nil(), "message_type": message_type,
        "timestamp": site.app.clock.now(), "version": 1, "payload": payload});
    let outgoing = Outgoing {
        exchange: WORK_EXCHANGE.to_owned(),
        routing_key: queue.to_owned(),
        message_id: String::new(),
        correlation_id: String::new(),
        headers: std::collections::BTreeMap::new(),
        body: body.to_string().into_bytes().into(),
        transient: false,
    };
    site.app.context.bus.publish(outgoing).await.expect("the broker takes it");
}

fn status(task_id: Uuid) -> Value {
    json!({"task_id": task_id, "status": "running", "progress": 40, "message": "Setting", "metrics": {"cpu": 1.0, "memory": 64}})
}

fn result(task_id: Uuid) -> Value {
    json!({"task_id": task_id, "status": "completed", "output": "set", "duration_seconds": 2, "resource_usage": {"cpu_hours": 0.0, "memory_peak_gb": 0.1}})
}

#[tokio::test]
async fn work_is_handed_over_without_a_claim_and_the_records_say_that_nobody_verified_it() {
    let site = site().await;
    let request = site.approved(&[set_clock()]).await;
    site.turn().await;
    let work = work(&site).await;
    assert_eq!((work.action.as_str(), work.attempt), ("set_clock", 1));
    assert_eq!(site.status(request, "clock").await, "dispatched");
    site.let_offers_expire();
    site.turn().await;
    nothing_waits(&site).await;
    say(&site, STATUS, "work_status", status(work.task_id)).await;
    site.turn().await;
    assert_eq!(site.status(request, "clock").await, "running");
    // What is no fixed field does not count.
    let mut more = result(work.task_id);
    more["outputs"] = json!({"url": "http://evil"});
    more["changed"] = json!(true);
    say(&site, RESULTS, "work_result", more).await;
    assert_eq!(site.turn().await, [Verdict::Ack]);
    let task = site.task(request, "clock").await;
    assert_eq!((&task["status"], &task["outputs"], &task["changed"]), (&json!("completed"), &json!({}), &Value::Null), "{task:#}");
    assert_eq!(task["warnings"], json!([WARNING]));
    let attempt = site.attempt(work.task_id, 1).await;
    assert_eq!((&attempt["agent_id"], &attempt["verified"], &attempt["outcome"]), (&json!(AGENT), &json!(false), &json!("succeeded")));
    let said: Option<String> = sqlx::query_scalar("SELECT data ->> 'verified' FROM audit_log WHERE event = 'task.finished'")
        .fetch_one(site.app.pool())
        .await
        .expect("reads");
    assert_eq!(said.as_deref(), Some("false"));
    let mut connection = site.app.context.store.acquire().await.expect("the database answers");
    let open = git_outbox::list_open(&mut connection, 1).await.expect("reads").remove(0);
    let stories = Stories::read(&mut connection, std::slice::from_ref(&open), site.app.clock.now()).await.expect("reads");
    let payload = stories.render(&open).expect("a record");
    assert!(payload.trailers.contains(&("Verified".to_owned(), "no".to_owned())), "{:?}", payload.trailers);
    // Said again, it changes nothing.
    say(&site, RESULTS, "work_result", result(work.task_id)).await;
    assert_eq!(site.turn().await, [Verdict::Ack]);
}

#[tokio::test]
async fn unsigned_reports_about_anything_else_stay_poison() {
    let mut site = site().await;
    site.app.leave_behind();
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request = site.approved(&[set_clock(), step("one", "nas", &[])]).await;
    site.turn().await;
    let (handed, claimed) = (work(&site).await, agent.take(&site).await);
    let mut other_attempt = result(handed.task_id);
    other_attempt["attempt"] = json!(2);
    let poison = [
        ("a task of an agent that signs", RESULTS, "work_result", result(claimed.request.task_id)),
        ("its progress", STATUS, "work_status", status(claimed.request.task_id)),
        ("another attempt", RESULTS, "work_result", other_attempt),
        ("a task that nobody knows", RESULTS, "work_result", result(RandomIds.new_id())),
        ("an error, which names no task", RESULTS, "error", json!({"code": 5001, "message": "late", "details": {}})),
    ];
    for (what, queue, message_type, payload) in poison {
        say(&site, queue, message_type, payload).await;
        let verdicts = site.turn().await;
        assert!(matches!(&verdicts[..], [Verdict::Reject { code: 5012, .. }]), "{what}: {verdicts:?}");
    }
    // An agent that signs does not speak for the one that does not, either.
    let report = agent.result(&chiffon_harness::wire::Work { request: handed.clone(), sha256: String::new() }, Outcome::Succeeded);
    agent.say(RESULTS, report).await;
    let verdicts = site.turn().await;
    assert!(matches!(&verdicts[..], [Verdict::Reject { code: 5401, .. }]), "{verdicts:?}");
    assert_eq!(
        (site.status(request, "clock").await, site.status(request, "one").await),
        ("dispatched".to_owned(), "dispatched".to_owned())
    );
}

#[tokio::test]
async fn nobody_takes_such_a_peers_name() {
    let site = Site::start().await;
    let mut agent = WireAgent::silent(&site, "unverified:agent.desktop.newbox", "newbox", &site.keys[0], 1).await;
    agent.say(CLAIMS, agent.hello.clone()).await;
    site.turn().await;
    let Message::ErrorReport(refused) = agent.hear().await else { panic!("not a refusal") };
    assert_eq!(refused.code, ErrorCode::AgentNotEnrolled.number());
}

#[tokio::test]
async fn who_is_not_admitted_any_more_is_not_heard_and_gets_nothing() {
    let mut site = site().await;
    site.app.leave_behind();
    let request = site.approved(&[set_clock()]).await;
    site.turn().await;
    let handed = work(&site).await;
    let mut context = site.app.context.clone();
    context.engine.settings = Arc::new(chiffon_engine::verbs::Settings { unverified: Vec::new(), ..(*context.engine.settings).clone() });
    unverified::enrol(&context).await.expect("the records are brought to it");
    say(&site, RESULTS, "work_result", result(handed.task_id)).await;
    let mut consumer = context.bus.consume(RESULTS, 1).await.expect("the queue is there");
    let delivery: Delivery = consumer.next().await.expect("a delivery");
    let verdicts = ResultsInbox::new(context.engine.clone()).handle(std::slice::from_ref(&delivery)).await.expect("it is looked at");
    assert!(matches!(&verdicts[..], [Verdict::Reject { code: 5012, .. }]), "{verdicts:?}");
    assert!(delivery.settle(verdicts[0].clone()).await);
    let next = site.approved(&[set_clock()]).await;
    site.turn().await;
    nothing_waits(&site).await;
    let text = site.task(next, "clock").await["waiting_for"]["text"].as_str().expect("a reason").to_owned();
    assert!(text.starts_with("no desktop agent is connected"), "{text}");
    assert_eq!(site.status(request, "clock").await, "dispatched");
    let events: Vec<String> = sqlx::query_scalar("SELECT event FROM audit_log WHERE event LIKE '%_unverified' ORDER BY seq")
        .fetch_all(site.app.pool())
        .await
        .expect("the audit log reads");
    assert_eq!(events, ["agent.admitted_unverified", "agent.dismissed_unverified"]);
}

#[tokio::test]
async fn silence_past_its_time_makes_it_unknown_and_nothing_is_repeated() {
    let site = site().await;
    let request = site.approved(&[set_clock()]).await;
    site.turn().await;
    let handed = work(&site).await;
    say(&site, STATUS, "work_status", status(handed.task_id)).await;
    site.turn().await;
    let left: f64 = sqlx::query_scalar("SELECT extract(epoch FROM lease_expires_at - now())::float8 FROM task_attempts")
        .fetch_one(site.app.pool())
        .await
        .expect("reads");
    assert!(left > 100.0, "one report does not make heartbeats due: it has its time limit and a margin, {left} s");
    for _ in 0..5 {
        site.reap().await;
        site.app.clock.advance(site.app.context.settings.agent_lease / 4);
    }
    assert_eq!(site.status(request, "clock").await, "running");
    sqlx::query("UPDATE task_attempts SET lease_expires_at = now() - interval '1 second'").execute(site.app.pool()).await.expect("it ends");
    site.reap().await;
    let task = site.task(request, "clock").await;
    assert_eq!(task["status"], "unknown", "{task:#}");
    assert!(task["error"]["message"].as_str().is_some_and(|text| text.starts_with(AGENT)), "{task:#}");
    assert!(task["error"]["message"].as_str().is_some_and(|text| text.contains("does not sign what it reports")), "{task:#}");
    assert_eq!(site.locked_hosts().await, ["oldbox"]);
    // Its action may be repeated, and its longest run time is over: of an agent that signs, it would be tried again.
    let over = site.app.clock.now() + Duration::from_mins(10);
    while site.app.clock.now() < over {
        site.reap().await;
        site.app.clock.advance(site.app.context.settings.agent_lease / 4);
    }
    site.turn().await;
    nothing_waits(&site).await;
    assert_eq!(site.status(request, "clock").await, "unknown");
    say(&site, RESULTS, "work_result", result(handed.task_id)).await;
    site.turn().await;
    assert_eq!(site.status(request, "clock").await, "completed", "its own late report resolves it");
}

#[tokio::test]
async fn nobody_proves_without_a_signature_that_nothing_was_started() {
    let site = site().await;
    let request = site.approved(&[set_clock()]).await;
    site.turn().await;
    let handed = work(&site).await;
    let mut never = result(handed.task_id);
    never["status"] = json!("failed");
    never["outcome"] = json!("not_started");
    say(&site, RESULTS, "work_result", never).await;
    site.turn().await;
    assert_eq!(site.status(request, "clock").await, "failed", "it is not offered again");
    nothing_waits(&site).await;
    assert_eq!(id(&site.task(request, "clock").await), handed.task_id);
}

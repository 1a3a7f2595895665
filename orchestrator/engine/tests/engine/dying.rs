//! Dead letters: kept once, led back where that is safe, replayed although late, never when forged (RELIABILITY 3).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::{Outgoing, Verdict};
use chiffon_engine::chores::dead_letter_keeper::DeadLetterKeeper;
use chiffon_engine::deliveries::dead_letters::DeadLettersInbox;
use chiffon_engine::deliveries::results::ResultsInbox;
use chiffon_engine::verbs::dead_letters::{let_go, replay};
use chiffon_harness::site::{Site, id, step};
use chiffon_harness::wire::{WORK, WireAgent, Work, taken};
use chiffon_kernel::chores::Chore as _;
use chiffon_kernel::deliveries::{self, Inbox};
use chiffon_process::{Clock as _, Spawner};
use chiffon_protocol::message::Outcome;
use chiffon_protocol::topology::{
    CODE_HEADER, DEAD_EXCHANGE, DEAD_LETTERS, ORIGIN_HEADER, REASON_HEADER, REPLAY_OF_HEADER, RESULTS, WORK_EXCHANGE,
};
use chiffon_protocol::{ErrorCode, signature};
use chiffon_testkit::until;
use serde_json::Value;
use uuid::Uuid;

const BROKER: &str = "delivery_limit";

/// A message as it lies among the dead letters: why it died, and the code unless the broker itself gave up on it.
pub async fn die(site: &Site, queue: &str, mut headers: BTreeMap<String, String>, body: Vec<u8>, reason: &str, code: Option<u16>) {
    headers.insert(ORIGIN_HEADER.to_owned(), queue.to_owned());
    headers.insert(REASON_HEADER.to_owned(), reason.to_owned());
    headers.extend(code.map(|code| (CODE_HEADER.to_owned(), code.to_string())));
    let dead = Outgoing {
        exchange: DEAD_EXCHANGE.to_owned(),
        routing_key: queue.to_owned(),
        message_id: String::new(),
        correlation_id: String::new(),
        headers,
        body: body.into(),
        transient: false,
    };
    site.app.context.bus.publish(dead).await.expect("the broker takes it");
}

/// The next message of a queue, taken from it without having been dealt with.
async fn stolen(site: &Site, queue: &str) -> (BTreeMap<String, String>, Vec<u8>) {
    let mut consumer = site.app.context.bus.consume(queue, 1).await.expect("the queue is there");
    let delivery = consumer.next().await.expect("a delivery");
    let taken = (delivery.headers.clone(), delivery.body.to_vec());
    assert!(delivery.settle(Verdict::Ack).await);
    taken
}

async fn letters(site: &Site) -> Vec<Value> {
    sqlx::query_scalar("SELECT to_jsonb(dead_letters) FROM dead_letters ORDER BY id").fetch_all(site.app.pool()).await.expect("they read")
}

fn letter_id(letter: &Value) -> Uuid {
    id(letter)
}

/// A result that the agent has signed and that is no longer on its queue.
pub async fn lost_result(site: &Site, agent: &WireAgent, work: &Work) -> (BTreeMap<String, String>, Vec<u8>) {
    agent.finish(work, Outcome::Succeeded).await;
    stolen(site, RESULTS).await
}

#[tokio::test]
async fn a_letter_is_one_row_however_often_it_is_delivered_or_said() {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let nowhere = Work {
        request: serde_json::from_value(serde_json::json!({
            "agent_type": "infrastructure", "task_id": Uuid::from_u128(9), "action": "set_up", "parameters": {}, "resources_required": {},
        }))
        .expect("work"),
        sha256: String::new(),
    };
    agent.finish(&nowhere, Outcome::Succeeded).await;
    site.turn().await;
    // Kept, but the process dies before it acknowledges.
    let bus = site.app.broker.connect();
    let mut consumer = bus.consume(DEAD_LETTERS, 1).await.expect("the queue is there");
    let delivery = consumer.next().await.expect("a delivery");
    let dead = DeadLettersInbox::new(site.app.context.engine.clone());
    assert_eq!(dead.handle(std::slice::from_ref(&delivery)).await.expect("it is kept"), [Verdict::Ack]);
    drop((delivery, consumer));
    assert_eq!(site.bury().await, 1, "it is delivered again");
    let kept = letters(&site).await;
    assert_eq!((kept.len(), &kept[0]["times"]), (1, &1.into()), "{kept:?}");
    assert_eq!(
        (&kept[0]["sender"], &kept[0]["code"], &kept[0]["task_id"]),
        (&"infra-1".into(), &5120.into(), &Uuid::from_u128(9).to_string().into())
    );
    // The agent says it again until it is acknowledged: another message, the same words.
    site.app.clock.advance(Duration::from_secs(30));
    agent.finish(&nowhere, Outcome::Succeeded).await;
    site.turn().await;
    site.bury().await;
    let kept = letters(&site).await;
    assert_eq!((kept.len(), &kept[0]["times"]), (1, &2.into()), "{kept:?}");
    assert_ne!(kept[0]["died_at"], kept[0]["last_died_at"]);
}

#[tokio::test]
async fn a_replayed_result_counts_although_its_signature_has_expired() {
    let site = Site::start().await;
    let (agent, work, request) = taken(&site).await;
    let (headers, body) = lost_result(&site, &agent, &work).await;
    die(&site, RESULTS, headers, body, "something was wrong with it", Some(5003)).await;
    site.app.clock.advance(Duration::from_hours(5));
    site.bury().await;
    assert_eq!(site.status(request, "one").await, "dispatched", "a person has to say so");
    let letter = letter_id(&letters(&site).await[0]);
    let note = replay::run(&site.app.context, "ada", letter).await.expect("it can be replayed");
    assert_eq!(note, "sent to orchestrator.results again");
    assert_eq!(site.turn().await, [Verdict::Ack]);
    assert_eq!(site.status(request, "one").await, "completed");
    let again = replay::run(&site.app.context, "joan", letter).await.expect_err("it was replayed");
    assert_eq!(again.code, ErrorCode::DeadLetterSettled);
    assert!(again.message.contains("by ada"), "{again}");
}

#[tokio::test]
async fn what_was_forged_is_never_replayed_into_effect() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    let (agent, work, request) = taken(&site).await;
    let body = agent.body(agent.result(&work, Outcome::Succeeded));
    let stranger = chiffon_protocol::key::KeyPair::generate();
    let now = site.app.clock.now();
    let forged = signature::sign(&stranger, RESULTS, now, &body);
    agent.publish(RESULTS, body.clone(), Some(forged.clone())).await;
    assert!(matches!(&site.turn().await[..], [Verdict::Reject { code: 5012, .. }]));
    site.bury().await;
    let letter = &letters(&site).await[0];
    assert_eq!((&letter["signature"], &letter["sender"]), (&"invalid".into(), &Value::Null));
    let refused = replay::run(&site.app.context, "ada", letter_id(letter)).await.expect_err("nobody trusted has signed it");
    assert_eq!(refused.code, ErrorCode::NotReplayable);
    assert!(refused.message.contains("is not trusted here"), "{refused}");
    // Even if the orchestrator vouched for it, or for what somebody has changed: the sender's own signature has to fit.
    let vouched = signature::sign(&site.app.context.key, &signature::again(RESULTS), now + Duration::from_mins(1), &body);
    let expired = signature::sign(&site.keys[0], RESULTS, now - Duration::from_mins(1), b"another body");
    for header in [forged, expired, vouched.clone(), vouched.replace("to=again:", "to=")] {
        let headers = BTreeMap::from([(signature::HEADER.to_owned(), header), (signature::AGAIN_HEADER.to_owned(), vouched.clone())]);
        let outgoing = Outgoing {
            exchange: WORK_EXCHANGE.to_owned(),
            routing_key: RESULTS.to_owned(),
            message_id: String::new(),
            correlation_id: String::new(),
            headers,
            body: body.clone().into(),
            transient: false,
        };
        site.app.context.bus.publish(outgoing).await.expect("the broker takes it");
        assert!(matches!(&site.turn().await[..], [Verdict::Reject { code: 5012, .. }]));
    }
    assert_eq!(site.status(request, "one").await, "dispatched");
}

#[tokio::test]
async fn a_late_message_counts_only_with_the_orchestrators_word() {
    let site = Site::start().await;
    let (agent, work, request) = taken(&site).await;
    let (headers, body) = lost_result(&site, &agent, &work).await;
    site.app.clock.advance(Duration::from_hours(5));
    agent.publish(RESULTS, body, headers.get(signature::HEADER).cloned()).await;
    assert_eq!(site.turn().await, [Verdict::Ack]);
    assert_eq!(site.status(request, "one").await, "dispatched", "late is not forged, but it does not count");
}

#[tokio::test]
async fn work_that_the_broker_gave_up_on_goes_back_to_its_attempt_with_the_reason() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let (headers, body) = stolen(&site, WORK).await;
    die(&site, WORK, headers.clone(), body.clone(), BROKER, None).await;
    site.bury().await;
    let task = site.task(request, "one").await;
    let text = task["waiting_for"]["text"].as_str().unwrap_or_default();
    assert_eq!((task["status"].as_str(), task["offer"].as_i64()), (Some("waiting"), Some(2)), "{task}");
    assert!(text.contains("the broker gave up on its offer (delivery_limit) (5019)"), "{text}");
    assert_eq!(site.locked_hosts().await, Vec::<String>::new(), "its hosts are free meanwhile");
    assert_eq!(site.audited(request, "task.dead_lettered").await, 1);
    let letter = letters(&site).await.remove(0);
    assert_eq!((&letter["replayed_by"], &letter["replayed_at"].is_string()), (&"chiffon".into(), &true), "{letter}");
    site.turn().await;
    assert!(agent.work().await.is_none(), "not at once: it may be what kills those who take it");
    site.let_offers_expire();
    site.turn().await;
    let work = agent.take(&site).await;
    assert_eq!(work.request.offer, 2);
    // The same death again, delivered late, changes nothing: the offer does not count any more.
    die(&site, WORK, headers, body, "expired", None).await;
    site.bury().await;
    assert_eq!(site.status(request, "one").await, "dispatched");
    let note = letters(&site).await[1]["note"].as_str().expect("a note").to_owned();
    assert!(note.starts_with("nothing waits for this offer"), "{note}");
}

#[tokio::test]
async fn an_offer_that_the_broker_gives_up_on_twice_is_set_aside_with_the_reason() {
    let site = Site::start().await;
    WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let (headers, body) = stolen(&site, WORK).await;
    die(&site, WORK, headers, body, BROKER, None).await;
    site.bury().await;
    assert_eq!(site.status(request, "one").await, "waiting", "once may be a coincidence");
    site.app.clock.advance(Duration::from_secs(16));
    site.turn().await;
    let (headers, body) = stolen(&site, WORK).await;
    die(&site, WORK, headers, body, BROKER, None).await;
    site.bury().await;
    let task = site.task(request, "one").await;
    assert_eq!((&task["status"], &task["error"]["code"]), (&"failed".into(), &5135.into()), "{task:#}");
    assert_eq!((site.app.status(request).await.as_str(), site.audited(request, "task.set_aside").await), ("failed", 1));
    assert!(site.locked_hosts().await.is_empty());
}

#[tokio::test]
async fn work_is_replayed_only_while_it_waits_for_that() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let (headers, body) = stolen(&site, WORK).await;
    site.let_offers_expire();
    site.reap().await;
    // Too late to be led back by itself; but the same letter under a person's hand.
    die(&site, WORK, headers, body, BROKER, None).await;
    site.bury().await;
    let letter = letter_id(&letters(&site).await[0]);
    sqlx::query("UPDATE dead_letters SET replayed_at = NULL").execute(site.app.pool()).await.expect("it is open");
    let note = replay::run(&site.app.context, "ada", letter).await.expect("it waits");
    assert!(note.contains("is offered as soon as one can take it"), "{note}");
    site.turn().await;
    let work = agent.take(&site).await;
    for (after, words) in [("claim", "belongs to infra-1"), ("end", "is completed")] {
        if after == "end" {
            agent.finish(&work, Outcome::Succeeded).await;
            site.turn().await;
        }
        sqlx::query("UPDATE dead_letters SET replayed_at = NULL").execute(site.app.pool()).await.expect("it is open");
        let refused = replay::run(&site.app.context, "ada", letter).await.expect_err("nothing waits for it");
        assert_eq!(refused.code, ErrorCode::NotReplayable);
        assert!(refused.message.contains(words), "after the {after}: {refused}");
    }
    assert_eq!(site.status(request, "one").await, "completed");
}

#[tokio::test]
async fn a_report_that_the_broker_gave_up_on_is_sent_again_once() {
    let site = Site::start().await;
    let (agent, work, request) = taken(&site).await;
    let (headers, body) = lost_result(&site, &agent, &work).await;
    site.app.clock.advance(Duration::from_hours(5));
    die(&site, RESULTS, headers, body, BROKER, None).await;
    site.bury().await;
    // It dies on its way once more.
    site.app.relay().await;
    let (headers, body) = stolen(&site, RESULTS).await;
    let first = letters(&site).await.remove(0);
    assert_eq!(headers.get(REPLAY_OF_HEADER).map(String::as_str), first["id"].as_str());
    die(&site, RESULTS, headers, body, BROKER, None).await;
    site.bury().await;
    assert_eq!(site.app.relay().await.done, 0, "not a second time by itself");
    let second = letters(&site).await.remove(1);
    assert_eq!((&second["replay_of"], &second["replays"], &second["replayed_at"]), (&first["id"], &1.into(), &Value::Null));
    replay::run(&site.app.context, "ada", letter_id(&second)).await.expect("a person may");
    site.turn().await;
    assert_eq!(site.status(request, "one").await, "completed");
}

#[tokio::test]
async fn a_fault_of_ours_loses_no_good_message() {
    let (breaks, mends) =
        ("ALTER TABLE task_attempts ADD CONSTRAINT broken CHECK (outcome IS NULL)", "ALTER TABLE task_attempts DROP CONSTRAINT broken");
    lost_and_found(breaks, mends, 5900).await;
}

#[tokio::test]
async fn a_row_that_can_not_be_read_and_is_put_in_order_loses_no_good_message() {
    let (breaks, mends) = ("UPDATE tasks SET resources = '5'", r#"UPDATE tasks SET resources = '{"memory_gb": 1}'"#);
    lost_and_found(breaks, mends, 5906).await;
}

/// A result that comes while something is broken dies with this code, and is taken in by itself once it is mended.
async fn lost_and_found(breaks: &'static str, mends: &'static str, code: i64) {
    let site = Site::start().await;
    let (agent, work, request) = taken(&site).await;
    let pool = site.app.pool();
    let fault = async |statement: &'static str| sqlx::query(statement).execute(pool).await.expect("it is done");
    fault(breaks).await;
    let tasks = Spawner::new(site.app.context.shutdown.clone());
    deliveries::spawn(&tasks, &site.app.context, Arc::new(ResultsInbox::new(site.app.context.engine.clone())) as Arc<dyn Inbox>);
    agent.finish(&work, Outcome::Succeeded).await;
    let one = "the result is among the dead letters, and its queue is free";
    until(one, Duration::from_secs(20), || async {
        let seen = site.dead_letters().await;
        if seen == 1 { Ok(()) } else { Err(seen) }
    })
    .await;
    site.app.context.shutdown.stop();
    assert!(tasks.finish(Duration::from_secs(5)).await, "it stops");
    site.bury().await;
    let letter = letters(&site).await.remove(0);
    assert_eq!((&letter["code"], &letter["sender"], &letter["replayed_at"]), (&code.into(), &"infra-1".into(), &Value::Null), "{letter}");
    fault(mends).await;
    let keeper = DeadLetterKeeper::new(site.app.context.engine.clone());
    assert_eq!(keeper.tick().await.expect("it looks").done, 0, "not yet");
    site.app.clock.advance(Duration::from_mins(1));
    assert_eq!(keeper.tick().await.expect("it looks").done, 1);
    site.turn().await;
    assert_eq!(site.status(request, "one").await, "completed");
    assert_eq!(letters(&site).await[0]["replayed_by"], "chiffon");
}

#[tokio::test]
async fn a_flood_of_what_nobody_trusted_has_signed_is_cut_short_and_displaces_nothing_of_ours() {
    let site = Site::start().await;
    let (agent, work, _) = taken(&site).await;
    let (headers, body) = lost_result(&site, &agent, &work).await;
    die(&site, RESULTS, headers, body, "a fault", Some(5900)).await;
    for letter in 0..4 {
        die(&site, RESULTS, BTreeMap::new(), format!("{letter}{}", "x".repeat(1024 * 1024)).into_bytes(), "poison", Some(5003)).await;
    }
    site.bury().await;
    let longest: i64 = sqlx::query_scalar("SELECT max(length(body))::bigint FROM dead_letters WHERE sender IS NULL")
        .fetch_one(site.app.pool())
        .await
        .expect("reads");
    assert_eq!(longest, 16 * 1024);
    let mut context = site.app.context.clone();
    Arc::make_mut(&mut context.engine.settings).dead_letters.most = 2;
    assert_eq!(let_go::run(&context).await.expect("it lets go"), 3);
    let left: Vec<bool> =
        sqlx::query_scalar("SELECT sender IS NOT NULL FROM dead_letters ORDER BY id").fetch_all(site.app.pool()).await.expect("reads");
    assert_eq!(left, [true, false], "the oldest is ours, and it is still there");
}

#[tokio::test]
async fn letters_are_bounded_in_size_number_and_time() {
    let site = Site::start().await;
    let mut context = site.app.context.clone();
    let settings = Arc::make_mut(&mut context.engine.settings);
    (settings.dead_letters.most, settings.dead_letters.max_body_bytes) = (2, 4);
    let bus = site.app.broker.connect();
    for body in ["one", "two", "three", "four"] {
        die(&site, RESULTS, BTreeMap::new(), body.into(), "poison", Some(5003)).await;
        let mut consumer = bus.consume(DEAD_LETTERS, 1).await.expect("the queue is there");
        let delivery = consumer.next().await.expect("a delivery");
        let verdicts = DeadLettersInbox::new(context.engine.clone()).handle(std::slice::from_ref(&delivery)).await.expect("it is kept");
        assert_eq!(verdicts, [Verdict::Ack]);
        assert!(delivery.settle(Verdict::Ack).await);
    }
    let three = letters(&site).await.remove(2);
    assert_eq!((&three["body"], &three["body_bytes"]), (&"\\x74687265".into(), &5.into()), "cut to four bytes");
    let refused = replay::run(&context, "ada", letter_id(&three)).await.expect_err("it is not whole");
    assert!(refused.message.contains("of its 5 bytes only 4 were kept"), "{refused}");
    sqlx::query("UPDATE dead_letters SET purged_at = now() WHERE id = $1")
        .bind(letter_id(&three))
        .execute(site.app.pool())
        .await
        .expect("done");
    let keeper = DeadLetterKeeper::new(context.engine.clone());
    assert_eq!(keeper.tick().await.expect("it looks").done, 2, "the settled one, then the oldest");
    let left: Vec<Value> = letters(&site).await.iter().map(|letter| letter["body"].clone()).collect();
    assert_eq!(left, ["\\x74776f", "\\x666f7572"], "two and four");
    site.app.clock.advance(Duration::from_hours(31 * 24));
    assert_eq!(keeper.tick().await.expect("it looks").done, 2, "too old");
    let counted: Vec<i64> =
        sqlx::query_scalar("SELECT (data ->> 'open')::bigint FROM audit_log WHERE event = 'dead_letters.let_go' ORDER BY seq")
            .fetch_all(site.app.pool())
            .await
            .expect("the audit log reads");
    assert_eq!(counted, [1, 2], "nobody had looked at these");
}

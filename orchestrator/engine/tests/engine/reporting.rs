//! Progress that only rises and log lines that are neither lost nor doubled (RELIABILITY 16).

use std::time::Duration;

use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_protocol::Message;
use chiffon_protocol::message::{Outcome, ResultAck};
use chiffon_protocol::topology::{RESULTS, STATUS};
use serde_json::json;

async fn running(site: &Site) -> (WireAgent, Work, uuid::Uuid) {
    let mut agent = WireAgent::start(site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.take(site).await;
    (agent, work, request_id)
}

fn acknowledged(messages: &[Message]) -> Vec<u64> {
    messages
        .iter()
        .filter_map(|message| if let Message::ResultAck(ResultAck { last_seq, .. }) = message { Some(*last_seq) } else { None })
        .collect()
}

#[tokio::test]
async fn the_first_report_starts_it_and_progress_never_falls() {
    let site = Site::start().await;
    let (agent, work, request_id) = running(&site).await;
    assert_eq!(site.status(request_id, "web").await, "dispatched");
    agent.progress(&work, 40, &[1]).await;
    agent.progress(&work, 20, &[2]).await;
    site.turn().await;
    let task = site.task(request_id, "web").await;
    assert_eq!((task["status"].as_str(), task["progress"].as_i64(), task["message"].as_str()), (Some("running"), Some(40), Some("at 20")));
    assert!(task["started_at"].is_string());
    assert_eq!(site.audited(request_id, "task.started").await, 1);
}

#[tokio::test]
async fn lines_are_stored_once_in_whatever_order_and_however_often_they_come() {
    let site = Site::start().await;
    let (mut agent, work, _) = running(&site).await;
    agent.progress(&work, 10, &[1, 2, 5]).await;
    site.turn().await;
    assert_eq!(acknowledged(&agent.hear_all().await), [2], "five is stored, but three and four are missing");
    agent.progress(&work, 10, &[2, 3]).await;
    site.turn().await;
    assert_eq!(acknowledged(&agent.hear_all().await), [3]);
    agent.progress(&work, 10, &[4]).await;
    agent.progress(&work, 10, &[1, 2, 3, 4, 5]).await;
    site.turn().await;
    assert_eq!(acknowledged(&agent.hear_all().await), [5]);
    assert_eq!(site.lines(work.request.task_id).await, [1, 2, 3, 4, 5]);
    let text = site.app.text("SELECT text FROM execution_logs WHERE task_id = $1 AND seq = 1", work.request.task_id).await;
    assert_eq!(text.as_deref(), Some("line 1\u{fffd}"), "what Postgres can't hold is replaced");
}

#[tokio::test]
async fn lines_that_the_result_has_overtaken_are_stored_and_reverse_nothing() {
    let site = Site::start().await;
    let (mut agent, work, request_id) = running(&site).await;
    let mut result = agent.result(&work, Outcome::Succeeded);
    result.last_seq = 2;
    agent.say(RESULTS, result).await;
    site.turn().await;
    agent.progress(&work, 90, &[1, 2]).await;
    site.turn().await;
    assert_eq!(acknowledged(&agent.hear_all().await), [0, 2]);
    let task = site.task(request_id, "web").await;
    assert_eq!((task["status"].as_str(), task["progress"].as_i64()), (Some("completed"), Some(100)));
    assert_eq!(site.lines(work.request.task_id).await, [1, 2]);
}

#[tokio::test]
async fn a_log_that_the_result_takes_along_is_stored_and_sealed_with_it_once() {
    let site = Site::start().await;
    let (mut agent, work, request_id) = running(&site).await;
    let result = agent.whole(&work, Outcome::Succeeded, &[1, 2, 3]);
    for _ in 0..2 {
        agent.say(RESULTS, result.clone()).await;
        site.turn().await;
        assert_eq!(acknowledged(&agent.hear_all().await), [3]);
    }
    let task = site.task(request_id, "web").await;
    assert_eq!((task["status"].as_str(), task["started_at"].is_string()), (Some("completed"), true));
    assert_eq!(site.lines(work.request.task_id).await, [1, 2, 3]);
    for (event, times) in [("task.started", 1), ("log.sealed", 1), ("task.finished", 1)] {
        assert_eq!(site.audited(request_id, event).await, times, "{event}");
    }
    let sealed =
        site.app.number("SELECT count(*) FROM task_attempts WHERE task_id = $1 AND log_sealed_at IS NOT NULL", work.request.task_id);
    assert_eq!(sealed.await, 1);
    let told = site.app.number("SELECT count(*) FROM request_events WHERE request_id = $1 AND kind = 'log'", request_id).await;
    assert_eq!(told, 1, "live views hear of them");
}

#[tokio::test]
async fn lines_in_a_result_fill_what_statuses_have_left_out_and_a_gap_stays_one() {
    let site = Site::start().await;
    let (mut agent, work, request_id) = running(&site).await;
    agent.progress(&work, 10, &[1, 4]).await;
    site.turn().await;
    agent.hear_all().await;
    agent.say(RESULTS, agent.whole(&work, Outcome::Succeeded, &[1, 2, 4, 5])).await;
    site.turn().await;
    assert_eq!(acknowledged(&agent.hear_all().await), [2], "three is missing");
    assert_eq!(site.audited(request_id, "log.sealed").await, 0);
    agent.progress(&work, 10, &[3]).await;
    site.turn().await;
    assert_eq!(acknowledged(&agent.hear_all().await), [5]);
    assert_eq!(site.lines(work.request.task_id).await, [1, 2, 3, 4, 5]);
    assert_eq!(site.status(request_id, "web").await, "completed");
    assert_eq!(site.audited(request_id, "task.started").await, 1);
}

#[tokio::test]
async fn a_result_without_a_beginning_seals_no_log() {
    let site = Site::start().await;
    let (mut agent, work, request_id) = running(&site).await;
    agent.say(RESULTS, agent.whole(&work, Outcome::Failed, &[2, 3])).await;
    site.turn().await;
    assert_eq!(acknowledged(&agent.hear_all().await), [0], "one is missing");
    assert_eq!((site.lines(work.request.task_id).await, site.audited(request_id, "log.sealed").await), (vec![2, 3], 0));
    assert_eq!(site.status(request_id, "web").await, "failed");
}

#[tokio::test]
async fn live_views_are_told_of_new_lines() {
    let site = Site::start().await;
    let (agent, work, request_id) = running(&site).await;
    agent.progress(&work, 10, &[1, 2, 3]).await;
    site.turn().await;
    let data: serde_json::Value = sqlx::query_scalar("SELECT data FROM request_events WHERE request_id = $1 AND kind = 'log'")
        .bind(request_id)
        .fetch_one(site.app.pool())
        .await
        .expect("one event");
    assert_eq!(data, serde_json::json!({"task_id": work.request.task_id, "attempt": 1, "from": 1, "to": 3, "purpose": "apply"}));
}

#[tokio::test]
async fn unsigned_forged_and_strange_messages_are_dead_lettered_and_change_nothing() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    let (agent, work, request_id) = running(&site).await;
    let body = agent.body(agent.status(&work, 50, &[1]));
    agent.publish(STATUS, body.clone(), None).await;
    let stranger = chiffon_protocol::key::KeyPair::generate();
    let forged =
        chiffon_protocol::signature::sign(&stranger, STATUS, chiffon_process::Clock::now(&site.app.clock) + Duration::from_mins(1), &body);
    agent.publish(STATUS, body.clone(), Some(forged)).await;
    let elsewhere = chiffon_protocol::signature::sign(
        &agent.key,
        "orchestrator.results",
        chiffon_process::Clock::now(&site.app.clock) + Duration::from_mins(1),
        &body,
    );
    agent.publish(STATUS, body, Some(elsewhere)).await;
    let nonsense =
        chiffon_protocol::signature::sign(&agent.key, STATUS, chiffon_process::Clock::now(&site.app.clock) + Duration::from_mins(1), b"{}");
    agent.publish(STATUS, b"{}".to_vec(), Some(nonsense)).await;
    let verdicts = site.turn().await;
    let codes: Vec<u16> =
        verdicts.iter().map(|verdict| if let chiffon_bus::Verdict::Reject { code, .. } = verdict { *code } else { 0 }).collect();
    assert_eq!(codes, [5012, 5012, 5012, 5003]);
    assert_eq!(site.dead_letters().await, 4);
    assert_eq!(site.status(request_id, "web").await, "dispatched");
    assert!(site.lines(work.request.task_id).await.is_empty());
}

#[tokio::test]
async fn reports_of_who_does_not_own_the_attempt_change_nothing() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    let (agent, work, request_id) = running(&site).await;
    let other = WireAgent::start(&site, "infra-2", &site.keys[1]).await;
    other.progress(&work, 50, &[1]).await;
    other.finish(&work, Outcome::Succeeded).await;
    let verdicts = site.turn().await;
    assert!(verdicts.iter().all(|verdict| matches!(verdict, chiffon_bus::Verdict::Reject { code: 5401, .. })), "{verdicts:?}");
    assert_eq!(site.status(request_id, "web").await, "dispatched");
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.status(request_id, "web").await, "completed");
}

#[tokio::test]
async fn what_had_to_wait_for_another_transaction_has_no_earlier_time_than_that() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    // It began first, and came second.
    let mut second = site.app.context.begin().await.expect("a unit of work");
    site.app.clock.advance(Duration::from_secs(1));
    let mut first = site.app.context.begin().await.expect("a unit of work");
    first.audit(request_id, AuditEvent::by_chiffon("first", json!({})));
    first.commit().await.expect("a commit");
    second.audit(request_id, AuditEvent::by_chiffon("second", json!({})));
    second.commit().await.expect("a commit");
    let backwards = "
        SELECT count(*)
        FROM audit_log a
        JOIN audit_log b ON b.chain = a.chain AND b.seq = a.seq + 1
        WHERE a.chain = $1::uuid::text AND b.at < a.at";
    assert_eq!(site.app.number(backwards, request_id).await, 0);
}

//! Agents that fall silent: what is unknown says so, is not repeated, and is resolved by its owner (RELIABILITY 10, 12, 13).

use std::time::Duration;

use chiffon_harness::site::{Site, step, step_of};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_protocol::message::Outcome;
use uuid::Uuid;

async fn running(site: &Site) -> (WireAgent, Work, Uuid) {
    let mut agent = WireAgent::start(site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step_of("one", "nas", &[], "no")]).await;
    site.turn().await;
    let work = agent.take(site).await;
    agent.progress(&work, 40, &[1]).await;
    site.turn().await;
    (agent, work, request_id)
}

/// Lets the reaper look often enough to trust its ears for a whole lease.
async fn listen_for_a_lease(site: &Site) {
    let step = site.app.context.settings.agent_lease / 4;
    for _ in 0..5 {
        site.reap().await;
        site.app.clock.advance(step);
    }
}

#[tokio::test]
async fn silence_past_the_lease_makes_it_unknown_with_what_is_known_and_keeps_its_host() {
    let site = Site::start().await;
    let (_agent, _work, request_id) = running(&site).await;
    listen_for_a_lease(&site).await;
    site.let_leases_expire().await;
    assert_eq!(site.reap().await.done, 1);
    let task = site.task(request_id, "one").await;
    assert_eq!((task["status"].as_str(), task["error"]["code"].as_u64()), (Some("unknown"), Some(5302)));
    let message = task["error"]["message"].as_str().expect("a message");
    assert!(message.starts_with("infra-1 has been silent for longer than 20 s; it was at 40 %; the last line is: line 1"), "{message}");
    assert_eq!(site.locked_hosts().await, ["nas"]);
    assert_eq!(site.app.status(request_id).await, "needs_attention");
    site.turn().await;
    assert_eq!(site.attempt(chiffon_harness::site::id(&task), 1).await["attempt"], 1, "no second attempt is made");
    assert_eq!(site.reap().await.done, 0);
}

#[tokio::test]
async fn a_late_result_of_the_owner_resolves_it() {
    let site = Site::start().await;
    let (agent, work, request_id) = running(&site).await;
    listen_for_a_lease(&site).await;
    site.let_leases_expire().await;
    site.reap().await;
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.status(request_id, "one").await, "completed");
    assert_eq!(site.app.status(request_id).await, "completed");
    assert!(site.locked_hosts().await.is_empty());
}

#[tokio::test]
async fn a_heartbeat_of_the_owner_that_names_it_makes_it_run_again() {
    let site = Site::start().await;
    let (agent, work, request_id) = running(&site).await;
    listen_for_a_lease(&site).await;
    site.let_leases_expire().await;
    site.reap().await;
    agent.beat(1, &[&work]).await;
    site.turn().await;
    assert_eq!(site.status(request_id, "one").await, "running");
    assert_eq!(site.app.status(request_id).await, "running");
}

#[tokio::test]
async fn heartbeats_keep_the_lease_of_what_they_name() {
    let site = Site::start().await;
    let (agent, work, request_id) = running(&site).await;
    listen_for_a_lease(&site).await;
    site.let_leases_expire().await;
    agent.beat(1, &[&work]).await;
    site.turn().await;
    assert_eq!(site.reap().await.done, 0);
    assert_eq!(site.status(request_id, "one").await, "running");
}

#[tokio::test]
async fn a_reaper_that_could_not_hear_for_a_whole_lease_marks_nothing() {
    let site = Site::start().await;
    let (_agent, _work, request_id) = running(&site).await;
    site.reap().await;
    site.let_leases_expire().await;
    assert_eq!(site.reap().await.done, 0, "it has only just begun to listen");
    assert_eq!(site.status(request_id, "one").await, "running");
    listen_for_a_lease(&site).await;
    assert_eq!(site.status(request_id, "one").await, "unknown", "after a whole lease it has proof");
}

#[tokio::test]
async fn a_reaper_that_was_stopped_itself_starts_to_listen_again() {
    let site = Site::start().await;
    let (_agent, _work, request_id) = running(&site).await;
    listen_for_a_lease(&site).await;
    site.app.clock.advance(site.app.context.settings.agent_lease * 3);
    site.let_leases_expire().await;
    assert_eq!(site.reap().await.done, 0);
    assert_eq!(site.status(request_id, "one").await, "running");
}

#[tokio::test]
async fn an_agent_that_comes_back_without_its_journal_leaves_its_attempt_unknown() {
    let site = Site::start().await;
    let (_agent, work, request_id) = running(&site).await;
    let again = WireAgent::silent(&site, "infra-1", "infra-1", &site.keys[0], 2).await;
    again.say(chiffon_protocol::topology::CLAIMS, again.hello.clone()).await;
    site.turn().await;
    let task = site.task(request_id, "one").await;
    assert_eq!((task["status"].as_str(), task["error"]["code"].as_u64()), (Some("unknown"), Some(5404)));
    assert_eq!(site.locked_hosts().await, ["nas"]);
    assert_eq!(site.attempt(work.request.task_id, 1).await["outcome"], serde_json::Value::Null);
}

#[tokio::test]
async fn an_agent_that_comes_back_with_its_journal_reports_by_itself() {
    let site = Site::start().await;
    let (_agent, work, request_id) = running(&site).await;
    let mut again = WireAgent::silent(&site, "infra-1", "infra-1", &site.keys[0], 2).await;
    let state = "starting".to_owned();
    again.hello.unfinished.push(chiffon_protocol::message::Unfinished { task_id: work.request.task_id, attempt: 1, state });
    again.say(chiffon_protocol::topology::CLAIMS, again.hello.clone()).await;
    site.turn().await;
    assert_eq!(site.status(request_id, "one").await, "running");
    again.finish(&work, Outcome::Interrupted).await;
    site.turn().await;
    assert_eq!(site.status(request_id, "one").await, "interrupted");
    assert!(matches!(again.hear().await, chiffon_protocol::Message::ResultAck(ack) if ack.result_stored), "answered where it listens now");
}

#[tokio::test]
async fn an_agent_that_comes_back_waits_for_tasks_before_it_holds_attempts_as_every_report_does() {
    let site = Site::start().await;
    let (_agent, work, request_id) = running(&site).await;
    let waiting = site.approved(&[step("two", "nas", &[])]).await;
    site.turn().await;
    assert_eq!(site.status(waiting, "two").await, "waiting");
    sqlx::query("UPDATE tasks SET resend_at = now() WHERE status = 'waiting'").execute(site.app.pool()).await.expect("returned");
    let mut report = site.app.pool().begin().await.expect("a report");
    sqlx::query("SELECT id FROM tasks WHERE status = 'waiting' FOR UPDATE").execute(&mut *report).await.expect("its task");
    let mut again = WireAgent::silent(&site, "infra-1", "infra-1", &site.keys[0], 2).await;
    let state = "running".to_owned();
    again.hello.unfinished.push(chiffon_protocol::message::Unfinished { task_id: work.request.task_id, attempt: 1, state });
    again.say(chiffon_protocol::topology::CLAIMS, again.hello.clone()).await;
    let reporting = async {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        chiffon_testkit::until("a hello that waits for the task", Duration::from_secs(5), async || {
            match sqlx::query_scalar::<_, i64>(waits).fetch_one(site.app.pool()).await {
                Ok(1..) => Ok(()),
                other => Err(other),
            }
        })
        .await;
        sqlx::query("SET LOCAL lock_timeout = '1s'").execute(&mut *report).await.expect("a limit");
        let stored = "UPDATE task_attempts SET stored_seq = stored_seq + 1 WHERE finished_at IS NULL";
        sqlx::query(stored).execute(&mut *report).await.expect("nobody holds the attempt while it waits for the task");
        report.commit().await.expect("reported");
    };
    tokio::join!(site.turn(), reporting);
    assert_eq!(site.status(request_id, "one").await, "running");
}

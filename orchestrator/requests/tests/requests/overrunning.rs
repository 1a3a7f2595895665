//! Runs that go on beyond their time although their agent is heard of, and deadlines of requests whose work is under way.

use std::time::Duration;

use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::chores::Chore as _;
use chiffon_process::Clock as _;
use chiffon_protocol::Message;
use chiffon_protocol::message::{Command, Control, Outcome};
use chiffon_requests::chores::deadline_reaper::DeadlineReaper;
use chrono::TimeDelta;
use uuid::Uuid;

/// A first task that runs, and a second that waits for it.
async fn running(site: &Site) -> (WireAgent, Work, Uuid) {
    let mut agent = WireAgent::start(site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[]), step("two", "nas", &["one"])]).await;
    site.turn().await;
    let work = agent.take(site).await;
    agent.progress(&work, 40, &[1]).await;
    site.turn().await;
    (agent, work, request_id)
}

/// Lets time pass while the reaper looks and the agent is heard of; what the reaper dealt with.
async fn pass(site: &Site, agent: &WireAgent, work: &Work, time: Duration, seq: &mut u64) -> usize {
    let step = site.app.context.settings.agent_lease / 4;
    let mut done = 0;
    for _ in 0..=(time.as_secs() / step.as_secs()) {
        site.app.clock.advance(step);
        *seq += 1;
        agent.beat(*seq, &[work]).await;
        site.turn().await;
        done += site.reap().await.done;
    }
    done
}

fn cancels(heard: &[Message]) -> Vec<&Control> {
    let is_cancel = |control: &&Control| control.command == Command::Cancel;
    heard
        .iter()
        .filter_map(|message| match message {
            Message::Control(control) => Some(control),
            _ => None,
        })
        .filter(is_cancel)
        .collect()
}

#[tokio::test]
async fn a_run_beyond_its_time_is_asked_to_stop_and_then_given_up_until_its_owner_reports_the_end() {
    let site = Site::start().await;
    let (mut agent, work, request_id) = running(&site).await;
    let (limit, margin, mut seq) = (Duration::from_mins(1), site.app.context.settings.run_margin, 0);
    assert_eq!(pass(&site, &agent, &work, limit, &mut seq).await, 0, "its agent may still be stopping it");
    assert_eq!(pass(&site, &agent, &work, margin, &mut seq).await, 1);
    let heard = agent.hear_all().await;
    let reason = &cancels(&heard).first().expect("it is asked to stop").reason;
    assert!(reason.contains("it ran longer than its 60 s (5307)"), "{reason}");
    assert_eq!(site.status(request_id, "one").await, "running", "stopping takes its time");
    assert_eq!(pass(&site, &agent, &work, margin, &mut seq).await, 1);
    let task = site.task(request_id, "one").await;
    assert_eq!((task["status"].as_str(), task["error"]["code"].as_u64()), (Some("unknown"), Some(5307)), "{task}");
    assert_eq!(site.locked_hosts().await, ["nas"]);
    agent.progress(&work, 50, &[2]).await;
    assert_eq!(pass(&site, &agent, &work, margin, &mut seq).await, 0);
    assert_eq!(site.status(request_id, "one").await, "unknown", "saying that it runs is no news any more");
    agent.finish(&work, Outcome::Failed).await;
    site.turn().await;
    agent.hear_all().await;
    assert_eq!((site.status(request_id, "one").await, site.status(request_id, "two").await), ("failed".to_owned(), "skipped".to_owned()));
    assert_eq!(site.app.status(request_id).await, "failed");
}

#[tokio::test]
async fn a_run_is_not_overdue_while_its_end_could_not_be_heard() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    let (agent, work, request_id) = running(&site).await;
    site.app.clock.advance(Duration::from_hours(1));
    assert_eq!(site.reap().await.done, 0, "the reaper has only just begun to listen");
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    let task = site.task(request_id, "one").await;
    assert_eq!((task["status"].as_str(), task["cancel_requested_at"].is_null()), (Some("completed"), true));
}

#[tokio::test]
async fn when_its_deadline_passes_nothing_more_begins_and_it_expires_when_what_ran_has_stopped() {
    let site = Site::start().await;
    let (mut agent, work, request_id) = running(&site).await;
    let deadline = site.app.clock.now() + TimeDelta::seconds(30);
    sqlx::query("UPDATE requests SET deadline = $2 WHERE id = $1")
        .bind(request_id)
        .bind(deadline)
        .execute(site.app.pool())
        .await
        .expect("stored");
    let reaper = DeadlineReaper::new(site.app.context.clone());
    assert_eq!(reaper.tick().await.expect("it looks").done, 0);
    site.app.clock.advance(Duration::from_secs(31));
    assert_eq!(reaper.tick().await.expect("it looks").done, 1);
    assert_eq!(reaper.tick().await.expect("it looks").done, 0, "once is enough");
    site.turn().await;
    assert_eq!(cancels(&agent.hear_all().await).len(), 1);
    assert_eq!(
        (site.status(request_id, "one").await, site.status(request_id, "two").await),
        ("running".to_owned(), "cancelled".to_owned())
    );
    assert_eq!(site.app.status(request_id).await, "running", "until it is proved to have stopped");
    agent.finish(&work, Outcome::Cancelled).await;
    site.turn().await;
    agent.hear_all().await;
    assert_eq!(site.app.status(request_id).await, "expired");
    let code = site.app.number("SELECT (error ->> 'code')::bigint FROM requests WHERE id = $1", request_id).await;
    assert_eq!(code, 5128);
    assert!(site.locked_hosts().await.is_empty());
}

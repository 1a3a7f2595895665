//! The end of an attempt: applied once, acknowledged as often as it comes, and what follows from it (RELIABILITY 13 to 16).

use chiffon_engine::verbs::cancel_tasks;
use chiffon_harness::site::{Site, step, step_of};
use chiffon_harness::wire::WireAgent;
use chiffon_protocol::Message;
use chiffon_protocol::message::{Command, Decision, HostResult, HostStatus, Outcome, ResultAck, WorkResult};
use chiffon_protocol::topology::{CLAIMS, RESULTS};
use uuid::Uuid;

async fn cancel(site: &Site, request_id: Uuid) -> cancel_tasks::CancelReport {
    let mut work = site.app.context.begin().await.expect("the database answers");
    sqlx::query("SELECT id FROM requests WHERE id = $1 FOR UPDATE").bind(request_id).execute(&mut *work).await.expect("it is locked");
    let report = cancel_tasks::run(&site.app.context, &mut work, request_id, "ada does not want it", "ada").await.expect("it works");
    work.commit().await.expect("the database answers");
    site.turn().await;
    report
}

fn stored_acks(messages: &[Message]) -> usize {
    messages.iter().filter(|message| matches!(message, Message::ResultAck(ResultAck { result_stored: true, .. }))).count()
}

#[tokio::test]
async fn a_result_is_applied_once_and_acknowledged_each_time() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.progress(&work, 50, &[]).await;
    agent.finish(&work, Outcome::Succeeded).await;
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(stored_acks(&agent.hear_all().await), 3);
    let task = site.task(request_id, "web").await;
    assert_eq!((task["status"].as_str(), task["outputs"]["url"].as_str()), (Some("completed"), Some("http://nas:3001")));
    assert_eq!((site.audited(request_id, "task.finished").await, site.audited(request_id, "task.conflicting_report").await), (1, 0));
    assert_eq!(site.app.number("SELECT count(*) FROM git_outbox WHERE request_id = $1", request_id).await, 1);
    assert_eq!(site.app.status(request_id).await, "completed");
    assert!(site.locked_hosts().await.is_empty());
}

#[tokio::test]
async fn another_result_for_the_same_attempt_is_flagged_and_changes_nothing() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    agent.finish(&work, Outcome::Failed).await;
    site.turn().await;
    assert_eq!(stored_acks(&agent.hear_all().await), 2);
    assert_eq!(site.status(request_id, "web").await, "completed");
    assert_eq!(site.attempt(work.request.task_id, 1).await["late_reports"], 1);
    assert_eq!(site.audited(request_id, "task.conflicting_report").await, 1);
}

#[tokio::test]
async fn steps_after_a_failed_one_are_skipped_and_say_why() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[]), step("two", "web", &["one"]), step("three", "web", &["two"])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.finish(&work, Outcome::Failed).await;
    site.turn().await;
    for step_id in ["two", "three"] {
        let task = site.task(request_id, step_id).await;
        assert_eq!((task["status"].as_str(), task["error"]["code"].as_u64()), (Some("skipped"), Some(5306)), "{step_id}");
    }
    assert_eq!(site.app.status(request_id).await, "failed");
}

#[tokio::test]
async fn a_running_task_is_asked_to_stop_until_it_says_that_it_did() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[]), step("two", "web", &["one"])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.progress(&work, 30, &[]).await;
    site.turn().await;
    let report = cancel(&site, request_id).await;
    assert_eq!((report.cancelled.len(), report.stopping.len()), (1, 1));
    assert!(
        matches!(agent.hear().await, Message::Control(control) if control.command == Command::Cancel && control.task_id == Some(work.request.task_id))
    );
    let task = site.task(request_id, "one").await;
    assert_eq!(task["status"], "running", "not cancelled until proven");
    agent.beat(1, &[&work]).await;
    site.turn().await;
    assert!(
        matches!(agent.hear().await, Message::Control(control) if control.command == Command::Cancel),
        "said again with each heartbeat"
    );
    agent.finish(&work, Outcome::Cancelled).await;
    site.turn().await;
    assert_eq!(site.task(request_id, "one").await["error"]["code"], 5305);
    assert_eq!(site.status(request_id, "one").await, "cancelled");
    agent.beat(2, &[]).await;
    site.turn().await;
    assert!(agent.hear_all().await.iter().all(|message| matches!(message, Message::ResultAck(_))));
}

#[tokio::test]
async fn a_completed_result_wins_over_a_cancel_that_came_too_late() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    cancel(&site, request_id).await;
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.status(request_id, "one").await, "completed");
}

#[tokio::test]
async fn a_task_that_its_agent_left_half_done_says_so_and_frees_its_host() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step_of("one", "nas", &[], "no")]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.progress(&work, 30, &[]).await;
    agent.finish(&work, Outcome::Interrupted).await;
    site.turn().await;
    let task = site.task(request_id, "one").await;
    assert_eq!((task["status"].as_str(), task["error"]["code"].as_u64()), (Some("interrupted"), Some(5404)));
    assert!(site.locked_hosts().await.is_empty());
    assert_eq!(site.app.status(request_id).await, "needs_attention");
}

#[tokio::test]
async fn what_has_begun_is_not_repeated_because_somebody_says_that_it_had_not() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.progress(&work, 1, &[]).await;
    site.turn().await;
    agent.finish(&work, Outcome::NotStarted).await;
    site.turn().await;
    assert_eq!(site.status(request_id, "one").await, "interrupted");
    assert!(agent.work().await.is_none());
}

#[tokio::test]
async fn who_was_stopped_before_its_claim_arrived_is_acknowledged_and_a_new_attempt_is_offered() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let work = agent.work().await.expect("there is work");
    let claim = agent.claim_for(&work);
    agent.finish(&work, Outcome::NotStarted).await;
    agent.finish(&work, Outcome::NotStarted).await;
    site.turn().await;
    assert_eq!(stored_acks(&agent.hear_all().await), 2);
    assert_eq!(site.audited(request_id, "task.not_started").await, 1);
    agent.say(CLAIMS, claim).await;
    site.turn().await;
    assert!(matches!(agent.hear().await, Message::WorkGrant(grant) if grant.decision == Decision::Refused));
    let again = agent.take(&site).await;
    assert_eq!((again.request.attempt, again.request.offer), (2, 1));
    agent.finish(&work, Outcome::NotStarted).await;
    site.turn().await;
    assert_eq!(site.status(request_id, "one").await, "dispatched", "what came late speaks of the first attempt only");
    agent.finish(&again, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "completed");
}

#[tokio::test]
async fn who_was_stopped_before_hearing_that_another_has_it_is_acknowledged_and_changes_nothing() {
    let site = Site::start().await;
    let mut owner = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut other = WireAgent::start(&site, "infra-2", &site.keys[1]).await;
    let request_id = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let work = owner.take(&site).await;
    other.finish(&work, Outcome::NotStarted).await;
    site.turn().await;
    assert_eq!(stored_acks(&other.hear_all().await), 1);
    assert_eq!(site.status(request_id, "one").await, "dispatched");
    owner.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "completed");
}

fn on(host: &str, status: HostStatus, changes: &[&str]) -> HostResult {
    let changes: Vec<String> = changes.iter().map(|name| (*name).to_owned()).collect();
    HostResult { host: host.to_owned(), status, changed: changes.len() as u64, changes, ..HostResult::default() }
}

/// `host: changed, host_status`, sorted, of the view that people ask.
async fn changes_by_host(site: &Site, request_id: Uuid) -> Vec<(String, bool, String)> {
    sqlx::query_as("SELECT host, changed, host_status FROM changes_by_host WHERE request_id = $1 ORDER BY host")
        .bind(request_id)
        .fetch_all(site.app.pool())
        .await
        .expect("the view answers")
}

#[tokio::test]
async fn a_failed_task_tells_which_hosts_it_changed_and_which_it_did_not() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    let hosts = vec![
        on("pi1", HostStatus::Completed, &["Write the configuration"]),
        on("pi2", HostStatus::Completed, &[]),
        on("pi3", HostStatus::Unreachable, &[]),
    ];
    agent.say(RESULTS, WorkResult { hosts, ..agent.result(&work, Outcome::Failed) }).await;
    site.turn().await;
    assert_eq!(site.task(request_id, "web").await["status"], "failed");
    assert_eq!(changes_by_host(&site, request_id).await, [("pi1".to_owned(), true, "completed".to_owned())]);
    let shown = chiffon_engine::store::read::tasks::get(site.app.pool(), &site.app.context.settings.kinds, work.request.task_id)
        .await
        .expect("it can be read")
        .expect("it is there");
    let told: Vec<_> = shown.task.host_results.iter().map(|one| (one.host.as_str(), one.status.as_str(), one.changed)).collect();
    assert_eq!(told, [("pi1", "completed", true), ("pi2", "completed", false), ("pi3", "unreachable", false)]);
    let of_request = chiffon_requests::store::read::request::get(site.app.pool(), &site.app.context.settings.kinds, request_id)
        .await
        .expect("it can be read")
        .expect("it is there");
    assert_eq!(of_request.tasks.iter().find(|task| task.purpose == "apply").map(|task| &task.host_results), Some(&shown.task.host_results));
}

#[tokio::test]
async fn what_was_changed_before_a_run_was_cut_off_is_told_by_its_log_and_stays_told() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.progress(&work, 50, &[1, 2]).await;
    site.turn().await;
    sqlx::query("UPDATE execution_logs SET kind = 'task_changed', host = 'web', name = 'Write the list' WHERE task_id = $1 AND seq = 1")
        .bind(work.request.task_id)
        .execute(site.app.pool())
        .await
        .expect("the log holds a change");
    agent.say(RESULTS, WorkResult { changed: false, ..agent.result(&work, Outcome::Failed) }).await;
    site.turn().await;
    let task = site.task(request_id, "web").await;
    assert_eq!((task["status"].as_str(), task["changed"].as_bool()), (Some("failed"), Some(true)), "the log proves it");
    assert_eq!(changes_by_host(&site, request_id).await, [("web".to_owned(), true, "unfinished".to_owned())]);
}

#[tokio::test]
async fn a_completed_task_is_told_by_the_host_and_not_by_the_whole() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    let hosts = vec![on("pi1", HostStatus::Completed, &[]), on("pi2", HostStatus::Completed, &["Write the configuration"])];
    agent.say(RESULTS, WorkResult { hosts, ..agent.result(&work, Outcome::Succeeded) }).await;
    site.turn().await;
    let told = [("pi1".to_owned(), false, "completed".to_owned()), ("pi2".to_owned(), true, "completed".to_owned())];
    assert_eq!(changes_by_host(&site, request_id).await, told);
}

//! A database that was restored from a backup does not know what happened since: nothing of it is run again by itself, and what
//! agents know is taken in (RELIABILITY 13).

use chiffon_engine::domain::task::Decision;
use chiffon_harness::site::{Site, id, step, step_of};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::domain::role::Role;
use chiffon_kernel::store::installation;
use chiffon_process::Clock as _;
use chiffon_protocol::message::{Message, Outcome, ResultAck};
use chiffon_protocol::topology::{CLAIMS, RESULTS};
use chiffon_records::audit_repo::AuditRepository;
use chiffon_records::chores::git_scribe::GitScribe;
use chiffon_records::verbs::verify_audit;
use chiffon_requests::verbs::resolve::{self, Resolve};
use chiffon_requests::verbs::{after_restore, hold};
use serde_json::json;
use uuid::Uuid;

/// The database goes on as one that was restored from a backup of this moment.
async fn restored(site: &Site, repository: &AuditRepository) {
    let mut connection = site.app.context.store.acquire().await.expect("a connection");
    let now = site.app.clock.now();
    installation::set_restored(&mut connection, now, now).await.expect("it is noted");
    drop(connection);
    assert!(after_restore::run(&site.app.context, repository).await.expect("it is dealt with"));
    assert!(!after_restore::run(&site.app.context, repository).await.expect("it looks again"), "once");
}

fn repository() -> (tempfile::TempDir, AuditRepository) {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = AuditRepository::open_or_create(&folder.path().join("audit.git")).expect("a repository");
    (folder, repository)
}

async fn resume(site: &Site, request_id: Uuid) {
    let ada = site.app.person("ada", Role::Operator).await;
    hold::resume(&site.app.context, &ada, request_id, None).await.expect("it is resumed");
}

async fn is_whole(site: &Site) {
    let report = verify_audit::all(&site.app.context.store, None).await.expect("it looks");
    assert_eq!(report.problems, []);
}

/// A task that was on a queue when the backup was made, and its work, which an agent has received.
async fn offered(site: &Site, agent: &WireAgent) -> (Uuid, Work) {
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    (request_id, agent.work().await.expect("there is work"))
}

/// What a restore paused is offered when a person resumes it, under a number that nobody can have used.
async fn is_done_when_resumed(site: &Site, agent: &mut WireAgent, request_id: Uuid) {
    resume(site, request_id).await;
    site.turn().await;
    let again = agent.take(site).await;
    assert!(again.request.attempt > 1_000, "no journal can mistake it for an attempt that was made: {}", again.request.attempt);
    agent.finish(&again, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    assert_eq!(site.app.status(request_id).await, "completed");
    is_whole(site).await;
}

#[tokio::test]
async fn what_may_have_run_since_the_backup_is_not_offered_until_a_person_resumes_it() {
    let site = Site::start().await;
    let (_folder, repository) = repository();
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let (request_id, work) = offered(&site, &agent).await;
    restored(&site, &repository).await;
    site.turn().await;
    assert_eq!((site.app.status(request_id).await.as_str(), site.status(request_id, "web").await.as_str()), ("paused", "waiting"));
    assert!(agent.work().await.is_none());
    assert_eq!(site.locked_hosts().await, Vec::<String>::new());
    agent.say(CLAIMS, agent.claim_for(&work)).await;
    site.turn().await;
    let Message::WorkGrant(grant) = agent.hear().await else { panic!("not an answer") };
    assert!(grant.reason.contains("takes no claim"), "the old offer is worth nothing: {}", grant.reason);
    is_done_when_resumed(&site, &mut agent, request_id).await;
}

#[tokio::test]
async fn the_report_of_an_attempt_that_was_made_after_the_backup_resolves_its_task() {
    let site = Site::start().await;
    let (_folder, repository) = repository();
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let (request_id, work) = offered(&site, &agent).await;
    restored(&site, &repository).await;
    // The agent was granted it by the database that is no more, and works.
    agent.progress(&work, 40, &[1, 2]).await;
    site.turn().await;
    assert_eq!((site.app.status(request_id).await.as_str(), site.status(request_id, "web").await.as_str()), ("paused", "running"));
    let mut result = agent.result(&work, Outcome::Succeeded);
    result.last_seq = 2;
    agent.say(RESULTS, result).await;
    site.turn().await;
    let acks: Vec<Message> = agent.hear_all().await;
    assert!(acks.iter().any(|ack| matches!(ack, Message::ResultAck(ResultAck { result_stored: true, .. }))), "{acks:?}");
    assert_eq!((site.app.status(request_id).await.as_str(), site.status(request_id, "web").await.as_str()), ("completed", "completed"));
    assert_eq!(site.lines(work.request.task_id).await, [1, 2]);
    assert_eq!(site.audited(request_id, "task.attempt_found").await, 1);
    is_whole(&site).await;
}

#[tokio::test]
async fn what_ran_when_the_backup_was_made_is_unknown_until_its_owner_reports() {
    let site = Site::start().await;
    let (_folder, repository) = repository();
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[]), step("nas", "nas", &["web"])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.progress(&work, 10, &[1]).await;
    site.turn().await;
    restored(&site, &repository).await;
    let task = site.task(request_id, "web").await;
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("unknown"), &json!(5807)), "{task:#}");
    assert_eq!(site.app.status(request_id).await, "paused");
    assert_eq!(site.locked_hosts().await, ["web"], "unknown keeps its hosts");
    let mut result = agent.result(&work, Outcome::Succeeded);
    result.last_seq = 1;
    agent.say(RESULTS, result).await;
    site.turn().await;
    agent.hear_all().await;
    assert_eq!(site.status(request_id, "web").await, "completed");
    assert_eq!(site.app.status(request_id).await, "paused", "its next step may have run, too");
    assert!(agent.work().await.is_none());
    is_whole(&site).await;
}

#[tokio::test]
async fn reports_about_tasks_that_the_backup_does_not_know_are_kept_and_acknowledged() {
    let site = Site::start().await;
    let (_folder, repository) = repository();
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let (_, mut work) = offered(&site, &agent).await;
    work.request.task_id = site.app.context.ids.new_id();
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.dead_letters().await, 1, "without a restore it is a mistake");
    restored(&site, &repository).await;
    agent.progress(&work, 40, &[1]).await;
    for _ in 0..2 {
        agent.finish(&work, Outcome::Succeeded).await;
    }
    site.turn().await;
    assert_eq!(site.dead_letters().await, 1);
    let kinds: Vec<String> = sqlx::query_scalar("SELECT kind FROM stray_reports WHERE task_id = $1 ORDER BY id")
        .bind(work.request.task_id)
        .fetch_all(site.app.pool())
        .await
        .expect("they are stored");
    assert_eq!(kinds, ["status", "result"]);
    let acks: Vec<Message> = agent.hear_all().await;
    assert!(acks.iter().any(|ack| matches!(ack, Message::ResultAck(ResultAck { result_stored: true, .. }))), "{acks:?}");
    for delivery in site.app.context.bus.peek(chiffon_protocol::topology::DEAD_LETTERS, 1).await.expect("the queue is there") {
        delivery.settle(chiffon_bus::Verdict::Ack).await;
    }
    is_whole(&site).await;
}

#[tokio::test]
async fn commits_that_were_made_after_the_backup_are_found_and_not_made_again() {
    let site = Site::start().await;
    let (_folder, repository) = repository();
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut requests = Vec::new();
    for _ in 0..2 {
        let request_id = site.approved(&[step("web", "web", &[])]).await;
        site.turn().await;
        let work = agent.take(&site).await;
        agent.finish(&work, Outcome::Succeeded).await;
        site.turn().await;
        agent.hear_all().await;
        requests.push(request_id);
    }
    let scribe = GitScribe::new(site.app.context.kernel.clone(), repository.clone());
    assert_eq!(scribe.settle_open().await.expect("it commits"), 2);
    let head = repository.head().expect("it reads");
    // The backup was made before the second was committed.
    sqlx::query("UPDATE git_outbox SET commit_id = NULL, settled_at = NULL, payload = '{}' WHERE request_id = $1")
        .bind(requests[1])
        .execute(site.app.pool())
        .await
        .expect("it is forgotten");
    let before = verify_audit::all(&site.app.context.store, Some(&repository)).await.expect("it looks");
    assert_eq!(before.found, 1, "a commit that nobody recorded: {before:?}");
    restored(&site, &repository).await;
    let found: Vec<(String, String)> =
        sqlx::query_as("SELECT commit_id, outcome FROM found_commits").fetch_all(site.app.pool()).await.expect("rows");
    assert_eq!(found, [(head.expect("a commit").to_string(), "completed".to_owned())]);
    assert_eq!(scribe.settle_open().await.expect("it looks"), 0, "it is not committed again");
    assert_eq!(repository.head().expect("it reads"), head);
    let after = verify_audit::all(&site.app.context.store, Some(&repository)).await.expect("it looks");
    assert_eq!((after.problems.as_slice(), after.commits), (&[][..], Some(1)), "{after:?}");
    let task = id(&site.task(requests[1], "web").await);
    assert!(!task.is_nil());
}

#[tokio::test]
async fn what_waited_for_a_decision_when_the_backup_was_made_gets_no_number_that_may_have_been_used() {
    let site = Site::start().await;
    let (_folder, repository) = repository();
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step_of("web", "web", &[], "no")]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.finish(&work, Outcome::Interrupted).await;
    site.turn().await;
    agent.hear_all().await;
    restored(&site, &repository).await;
    assert_eq!((site.app.status(request_id).await.as_str(), site.status(request_id, "web").await.as_str()), ("paused", "interrupted"));
    let ada = site.app.person("bea", Role::Operator).await;
    let task_id = work.request.task_id;
    let input = Resolve { task_id, decision: Decision::Retry, attempt: Some(1), comment: None, not_running: false };
    let resolved = resolve::run(&site.app.context, &ada, input).await.expect("it is taken");
    assert_eq!((resolved.task_status.as_str(), resolved.request_status.as_str()), ("waiting", "paused"), "it is held still");
    is_done_when_resumed(&site, &mut agent, request_id).await;
}

#[tokio::test]
async fn after_a_restore_nobody_stands_for_anything() {
    let site = Site::start().await;
    let (_folder, repository) = repository();
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    let stood = "INSERT INTO standing_approvals (id, steps_sha256, scope, given_by, given_at, expires_at, request_id, plan_id, plan_sha256)
        SELECT id, repeat('a', 64), 'any', principal_id, at, at + interval '1 day', $1, plan_id, plan_sha256 FROM approvals";
    sqlx::query(stood).bind(request_id).execute(site.app.pool()).await.expect("somebody stands for it");
    restored(&site, &repository).await;
    let why = "SELECT withdrawn_by || ': ' || withdrawn_why FROM standing_approvals WHERE request_id = $1";
    let why = site.app.text(why, request_id).await.expect("it is withdrawn");
    assert!(why.starts_with("chiffon: the database was restored from a backup made at "), "{why}");
    let audited = "SELECT count(*) FROM audit_log l JOIN standing_approvals s ON l.data ->> 'standing_approval' = s.id::text
        WHERE l.chain = 'system' AND l.event = 'approval.withdrawn' AND s.request_id = $1";
    assert_eq!(site.app.number(audited, request_id).await, 1);
    is_whole(&site).await;
}

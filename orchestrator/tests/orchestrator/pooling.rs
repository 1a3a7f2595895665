//! Nobody holds a connection to the database while it waits for another, or while it works on something slow: one is enough for all.

use chiffon_bus::Verdict;
use chiffon_engine::chores::dead_letter_keeper::DeadLetterKeeper;
use chiffon_engine::chores::dispatcher::Dispatcher;
use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::taken;
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::chores::Chore;
use chiffon_orchestrator::chores::invariant_checker::InvariantChecker;
use chiffon_orchestrator::chores::partitions::Partitions;
use chiffon_protocol::message::{Outcome, WorkRequest};
use chiffon_records::audit_repo::AuditRepository;
use chiffon_records::chores::git_scribe::GitScribe;
use chiffon_records::chores::log_sealer::LogSealer;
use chiffon_requests::chores::deadline_reaper::DeadlineReaper;
use uuid::Uuid;

#[tokio::test]
async fn with_one_connection_to_the_database_all_work_goes_on() {
    let site = Site::start_on_one_connection().await;
    let (agent, work, request) = taken(&site).await;
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.status(request, "one").await, "completed");
    let folder = tempfile::tempdir().expect("a folder");
    let repository = AuditRepository::open_or_create(&folder.path().join("audit.git")).expect("a repository");
    let context = || site.app.context.clone();
    let scribe = GitScribe::new(context().kernel.clone(), repository);
    assert_eq!(scribe.settle_open().await.expect("it commits"), 1);
    let agents: [&dyn Chore; 6] = [
        &scribe,
        &DeadlineReaper::new(context()),
        &InvariantChecker::new(context(), chiffon_harness::parts::invariants()),
        &Partitions::new(context()),
        &DeadLetterKeeper::new(context().engine.clone()),
        &LogSealer::new(context().kernel.clone()),
    ];
    for agent in agents {
        agent.tick().await.unwrap_or_else(|problem| panic!("{}: {problem}", agent.name()));
    }
}

#[tokio::test]
async fn work_that_comes_back_from_the_broker_is_taken_back_on_the_only_connection() {
    let site = Site::start_on_one_connection().await;
    let _agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request = site.approved(&[step("one", "nas", &[])]).await;
    let context = &site.app.context;
    Dispatcher::new(context.engine.clone()).tick().await.expect("it is offered");
    let sent_nowhere = "UPDATE outbox SET routing_key = 'agent.nowhere' WHERE task_id IS NOT NULL";
    assert_eq!(sqlx::query(sent_nowhere).execute(site.app.pool()).await.expect("done").rows_affected(), 1);
    assert_eq!(site.app.relay().await.done, 1);
    let task = site.task(request, "one").await;
    assert_eq!((task["status"].as_str(), task["waiting_for"]["what"].as_str()), (Some("waiting"), Some("route")));
}

#[tokio::test]
async fn who_falls_silent_and_what_nobody_knows_are_dealt_with_on_the_only_connection() {
    let site = Site::start_on_one_connection().await;
    let (agent, work, request) = taken(&site).await;
    let stray = Work { request: WorkRequest { task_id: Uuid::from_u128(9), ..work.request.clone() }, sha256: work.sha256.clone() };
    agent.finish(&stray, Outcome::Succeeded).await;
    let verdicts = site.turn().await;
    assert!(verdicts.iter().any(|verdict| matches!(verdict, Verdict::Reject { code: 5120, .. })), "{verdicts:?}");
    site.bury().await;
    site.fall_silent().await;
    assert_eq!(site.status(request, "one").await, "unknown");
}

//! What must never be, broken by hand, is found; and what merely could not be done in time is not taken for it.

use std::collections::BTreeSet;
use std::time::Duration;

use chiffon_harness::parts::{invariants, named};
use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::WireAgent;
use chiffon_kernel::chores::Chore as _;
use chiffon_kernel::domain::invariant::{Found, InvariantReport, Verdict};
use chiffon_kernel::domain::role::Role;
use chiffon_kernel::store::invariants::{Limits, find};
use chiffon_orchestrator::chores::invariant_checker::InvariantChecker;
use chiffon_orchestrator::chores::partitions::Partitions;
use chiffon_process::Clock as _;
use chiffon_requests::verbs::submit::{self, Submit};
use chrono::TimeDelta;

/// How to make each of them false.
const BROKEN: [(&str, &str); 19] = [
    ("claimed_without_lease", "UPDATE task_attempts SET lease_expires_at = now() - interval '1 hour'"),
    ("offer_past_deadline", "UPDATE tasks SET status = 'dispatched', claim_by = now() - interval '1 hour' WHERE status = 'running'"),
    ("task_without_owner", "UPDATE task_attempts SET finished_at = now()"),
    ("run_past_deadline", "UPDATE tasks SET deadline_at = now() - interval '1 hour' WHERE status = 'running'"),
    ("reservation_without_task", "UPDATE host_locks SET attempt = 7"),
    ("task_that_nothing_moves", "UPDATE requests SET status = 'completed', finished_at = now() WHERE status = 'running'"),
    ("planning_not_announced", "UPDATE requests SET resend_at = NULL WHERE status = 'planning'"),
    ("request_behind_its_tasks", "UPDATE tasks SET status = 'completed', finished_at = now()"),
    ("request_that_nothing_moves", "UPDATE requests SET resend_at = NULL, waiting_for = NULL WHERE status = 'planning'"),
    ("request_past_deadline", "UPDATE requests SET deadline = now() - interval '1 hour' WHERE status = 'running'"),
    (
        "outbox_row_too_old",
        "INSERT INTO outbox (message_id, exchange, routing_key, recipient, envelope, created_at)
        VALUES (gen_random_uuid(), 'chiffon.work', 'nowhere', 'nowhere', '{}', now() - interval '1 hour')",
    ),
    (
        "record_not_committed",
        "WITH held AS (INSERT INTO leases VALUES ('git_scribe', 'somebody', 1, now() + interval '1 hour'))
        INSERT INTO git_outbox (id, request_id, payload, author, at)
        SELECT gen_random_uuid(), id, '{}', 'ann', now() - interval '1 hour' FROM requests",
    ),
    ("run_without_approval", "UPDATE approvals SET consumed_at = NULL"),
    ("run_of_what_was_left_out", "UPDATE approvals SET left_out = '{one}'"),
    ("approval_consumed_twice", "UPDATE plans SET approved_at = approved_at + interval '1 second'"),
    (
        "run_under_no_standing_approval",
        "WITH stood AS (
            INSERT INTO standing_approvals (id, steps_sha256, scope, given_by, given_at, expires_at, request_id, plan_id, plan_sha256)
            SELECT gen_random_uuid(), repeat('a', 64), 'any', a.principal_id, a.at, a.at + interval '1 day', p.request_id, p.id, a.plan_sha256
            FROM approvals a
            JOIN plans p ON p.id = a.plan_id
            RETURNING id, plan_id
        )
        UPDATE approvals SET standing_id = stood.id FROM stood WHERE stood.plan_id = approvals.plan_id",
    ),
    ("audit_head_mismatch", "UPDATE streams SET audit_head = '\\x00' WHERE id = (SELECT id FROM requests WHERE status = 'running')"),
    (
        "spending_never_settled",
        "INSERT INTO llm_calls (id, provider, state, started_at) VALUES (gen_random_uuid(), 'claude', 'reserved', now() - interval '3 hours')",
    ),
    (
        "partition_missing",
        "DO $$ BEGIN EXECUTE 'DROP TABLE execution_logs_' || to_char(now() AT TIME ZONE 'UTC' + interval '1 month', 'YYYY_MM'); END $$",
    ),
];

/// One request whose first task runs and whose second waits for it, and one that waits for its planner.
async fn busy() -> Site {
    let mut site = Site::start().await;
    site.app.leave_behind();
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    site.approved(&[step("one", "nas", &[]), step("two", "nas", &["one"])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.progress(&work, 40, &[1]).await;
    site.turn().await;
    let ann = site.app.person("ann", Role::Requester).await;
    let input = Submit { text: "restart nginx".to_owned(), ..Submit::default() };
    submit::run(&site.app.context, &ann, input).await.expect("it is taken");
    site.turn().await;
    Partitions::new(site.app.context.clone()).tick().await.expect("the partitions are made");
    site
}

fn limits(site: &Site) -> Limits {
    let now = site.app.clock.now();
    Limits { now, overdue_after: Duration::from_mins(1), since: now - TimeDelta::days(1), longest_call: Duration::from_hours(1) }
}

#[tokio::test]
async fn each_invariant_broken_by_hand_is_found() {
    let site = busy().await;
    let limits = limits(&site);
    for (name, statement) in BROKEN {
        let invariant = named(name);
        let mut transaction = site.app.context.store.begin().await.expect("the database answers");
        let before = find(&mut transaction, invariant, &limits).await.expect("the statement runs");
        assert_eq!(before.count, 0, "{name} holds while nothing is wrong: {before:?}");
        sqlx::raw_sql(statement).execute(&mut *transaction).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        let after = find(&mut transaction, invariant, &limits).await.expect("the statement runs");
        assert!(after.count > 0 && !after.examples.is_empty(), "{name} does not see: {statement}");
        transaction.rollback().await.expect("the database answers");
    }
}

#[test]
fn each_invariant_in_the_records_is_broken_by_a_test() {
    let broken: BTreeSet<_> = BROKEN.iter().map(|(invariant, _)| *invariant).collect();
    let all: BTreeSet<_> = invariants().iter().map(|invariant| invariant.rule.name).collect();
    assert_eq!(broken, all);
}

#[test]
fn each_has_a_name_of_its_own_that_is_a_label() {
    let names: BTreeSet<_> = invariants().iter().map(|invariant| invariant.rule.name).collect();
    assert_eq!(names.len(), invariants().len());
    assert!(names.iter().all(|name| name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')), "{names:?}");
}

#[test]
fn what_is_to_be_typed_has_the_id_of_what_was_found() {
    let id = "0199c1f0-0000-7000-8000-00000000beef";
    let found = Found { count: 1, examples: vec![format!("nas (task {id} is waiting)")] };
    for invariant in invariants() {
        let advice = invariant.rule.advice_about(&found);
        assert!(!advice.contains(['{', '}']) && !advice.contains(" ID"), "{advice}");
    }
    assert!(named("reservation_without_task").rule.advice_about(&found).contains(&format!("`chiffon cancel {id}`")));
    assert!(named("run_without_approval").rule.advice_about(&found).contains("`chiffon audit log 0000beef`"));
}

fn verdict(report: &InvariantReport, invariant: &str) -> Verdict {
    report.items.iter().find(|item| item.invariant == invariant).expect("it is reported").status
}

/// Lets the checker look until nothing excuses what is overdue.
async fn settle(site: &Site, checker: &InvariantChecker) {
    let context = &site.app.context;
    for _ in 0..4 {
        checker.tick().await.expect("it looks");
        site.app.clock.advance(context.settings.watch.check_every);
    }
    // The test's clock has moved on; what Chiffon would have done meanwhile was not done.
    sqlx::query("UPDATE requests SET resend_at = $1 WHERE status = 'planning'")
        .bind(context.clock.now())
        .execute(site.app.pool())
        .await
        .expect("stored");
    sqlx::query("UPDATE tasks SET deadline_at = $1 WHERE status = 'running'")
        .bind(context.clock.now())
        .execute(site.app.pool())
        .await
        .expect("stored");
}

#[tokio::test]
async fn a_violation_is_reported_with_its_beginning_and_forgotten_when_it_is_over() {
    let site = busy().await;
    let checker = InvariantChecker::new(site.app.context.clone(), invariants());
    settle(&site, &checker).await;
    let report = || site.app.context.background.invariants().expect("it has looked");
    assert_eq!(checker.tick().await.expect("it looks").done, 0, "{:#?}", report().violated().collect::<Vec<_>>());
    let first = site.app.clock.now();
    sqlx::query("UPDATE host_locks SET attempt = 7").execute(site.app.pool()).await.expect("broken");
    assert_eq!(checker.tick().await.expect("it looks").done, 1);
    site.app.clock.advance(Duration::from_secs(1));
    checker.tick().await.expect("it looks");
    let found = report();
    let item = found.violated().next().expect("one is violated");
    assert_eq!((item.invariant, item.count, item.since), ("reservation_without_task", 1, Some(first)));
    assert!(item.examples[0].starts_with("nas (task ") && item.advice.is_some(), "{item:?}");
    sqlx::query("UPDATE host_locks SET attempt = 1").execute(site.app.pool()).await.expect("mended");
    assert_eq!(checker.tick().await.expect("it looks").done, 0);
    assert_eq!(verdict(&report(), "reservation_without_task"), Verdict::Ok);
}

#[tokio::test]
async fn what_is_overdue_is_not_judged_until_it_could_have_been_done() {
    let site = busy().await;
    let checker = InvariantChecker::new(site.app.context.clone(), invariants());
    checker.tick().await.expect("it looks");
    let report = || site.app.context.background.invariants().expect("it has looked");
    assert_eq!(verdict(&report(), "outbox_row_too_old"), Verdict::NotJudged, "it has only just begun");
    assert_eq!(verdict(&report(), "audit_head_mismatch"), Verdict::Ok, "this holds at any time");
    settle(&site, &checker).await;
    checker.tick().await.expect("it looks");
    assert_eq!(verdict(&report(), "outbox_row_too_old"), Verdict::Ok);
    site.app.clock.advance(Duration::from_hours(1));
    checker.tick().await.expect("it looks");
    assert_eq!(verdict(&report(), "outbox_row_too_old"), Verdict::NotJudged, "it stood still itself");
}

#[tokio::test]
async fn a_background_agent_that_does_not_come_back_is_named() {
    let site = busy().await;
    let context = &site.app.context;
    context.background.began("git_scribe", context.clock.now());
    site.app.clock.advance(Duration::from_mins(6));
    let checker = InvariantChecker::new(context.clone(), invariants());
    assert_eq!(checker.tick().await.expect("it looks").done, 1);
    let found = context.background.invariants().expect("it has looked");
    assert_eq!(found.violated().next().map(|item| item.examples.clone()), Some(vec!["git_scribe".to_owned()]));
}

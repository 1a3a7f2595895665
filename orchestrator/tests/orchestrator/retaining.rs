//! What grows with time: made ahead, and let go when it is old, unless something still needs it.

use std::time::Duration;

use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::chores::Chore as _;
use chiffon_kernel::store::partitions::{self, LOGS, METRICS};
use chiffon_orchestrator::chores::partitions::Partitions;
use chiffon_process::Clock as _;
use chiffon_protocol::message::Outcome;
use chiffon_records::verbs::seal_logs;
use chrono::{TimeDelta, Utc};
use uuid::Uuid;

const QUARTER: Duration = Duration::from_hours(24 * 125);

async fn look(site: &Site) -> usize {
    Partitions::new(site.app.context.clone()).tick().await.expect("it looks").done
}

async fn running(site: &Site) -> (WireAgent, Work, Uuid) {
    let mut agent = WireAgent::start(site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let work = agent.take(site).await;
    agent.progress(&work, 40, &[1, 2, 3]).await;
    site.turn().await;
    (agent, work, request_id)
}

async fn finished(site: &Site) -> (Work, Uuid) {
    let (mut agent, work, request_id) = running(site).await;
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    seal(site).await;
    (work, request_id)
}

/// Puts the digests of finished logs into the audit.
async fn seal(site: &Site) {
    seal_logs::run(&site.app.context).await.expect("it seals");
}

/// How many months of a table had ended so many days ago.
async fn months(site: &Site, table: &str, days: i64) -> usize {
    let mut connection = site.app.context.store.acquire().await.expect("the database answers");
    partitions::list_until(&mut connection, table, site.app.clock.now() - TimeDelta::days(days)).await.expect("the catalogue reads").len()
}

#[tokio::test]
async fn a_month_of_logs_expires_as_a_whole_and_the_audit_stays() {
    let site = Site::start().await;
    assert_eq!(look(&site).await, 6, "three months of two tables");
    let (work, request_id) = finished(&site).await;
    let audited = site.audited(request_id, "task.finished").await;
    assert_eq!(site.lines(work.request.task_id).await, [1, 2, 3]);
    site.app.clock.advance(Duration::from_hours(24 * 80));
    look(&site).await;
    assert_eq!(site.lines(work.request.task_id).await, [1, 2, 3], "not old enough");
    site.app.clock.advance(QUARTER);
    look(&site).await;
    assert!(site.lines(work.request.task_id).await.is_empty());
    let (logs, metrics) =
        (i64::from(site.app.context.settings.retention.logs_days), i64::from(site.app.context.settings.retention.metrics_days));
    assert_eq!((months(&site, LOGS, logs).await, months(&site, METRICS, metrics).await), (0, 0), "nothing older is left");
    assert_eq!(months(&site, METRICS, -100).await, 3, "what was made ahead is there");
    assert_eq!(site.audited(request_id, "task.finished").await, audited);
    assert_eq!(look(&site).await, 0, "a second look finds nothing to do");
}

#[tokio::test]
async fn a_log_that_can_still_grow_keeps_its_month() {
    let site = Site::start().await;
    look(&site).await;
    let (mut agent, work, _) = running(&site).await;
    site.app.clock.advance(QUARTER * 2);
    look(&site).await;
    assert_eq!(site.lines(work.request.task_id).await, [1, 2, 3], "its attempt has no end");
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    look(&site).await;
    assert_eq!(site.lines(work.request.task_id).await, [1, 2, 3], "its digest is not in the audit yet");
    site.app.clock.advance(Duration::from_hours(2));
    seal(&site).await;
    look(&site).await;
    assert!(site.lines(work.request.task_id).await.is_empty());
}

#[tokio::test]
async fn lines_without_a_month_expire_row_by_row() {
    let site = Site::start().await;
    let (work, _) = finished(&site).await;
    assert_eq!(site.lines(work.request.task_id).await, [1, 2, 3], "they lie in the default partition");
    site.app.clock.advance(QUARTER);
    look(&site).await;
    assert!(site.lines(work.request.task_id).await.is_empty());
}

#[tokio::test]
async fn metrics_events_answers_and_idempotency_keys_are_kept_for_their_time() {
    let site = Site::start().await;
    let (_, request_id) = finished(&site).await;
    let counted = async |query: &'static str| -> i64 { sqlx::query_scalar(query).fetch_one(site.app.pool()).await.expect("a number") };
    for statement in [
        "INSERT INTO resource_metrics (at, agent_id, incarnation, seq, cpu_percent, load_1m, memory_total_mb, memory_available_mb, running)
        SELECT $1::timestamptz + day * interval '1 day', 'infra-1', 1, day, 1, 1, 1, 1, 0 FROM generate_series(1, 200) AS day",
        "INSERT INTO llm_calls (id, provider, state, answer, cost_micro_usd, started_at) VALUES (gen_random_uuid(), 'claude', 'invalid', 'nonsense', 500000, $1)",
        "INSERT INTO idempotency_keys (principal_id, key, request_sha256, created_at) SELECT id, 'k', 's', $1 FROM principals LIMIT 1",
    ] {
        sqlx::query(statement).bind(site.app.clock.now()).execute(site.app.pool()).await.expect("stored");
    }
    look(&site).await;
    let events = async || site.app.number("SELECT count(*) FROM request_events WHERE request_id = $1", request_id).await;
    assert!(events().await > 0);
    assert_eq!(counted("SELECT count(*) FROM idempotency_keys").await, 1);
    site.app.clock.advance(QUARTER);
    look(&site).await;
    assert_eq!(events().await, 0);
    assert_eq!(counted("SELECT count(*) FROM idempotency_keys").await, 0);
    assert_eq!(counted("SELECT count(*) FROM llm_calls WHERE answer IS NOT NULL").await, 0);
    assert_eq!(counted("SELECT (sum(cost_micro_usd) / 100000)::bigint FROM llm_calls").await, 5, "what it cost stays");
    let oldest: chrono::DateTime<Utc> =
        sqlx::query_scalar("SELECT min(at) FROM resource_metrics").fetch_one(site.app.pool()).await.expect("a time");
    let kept = site.app.clock.now() - oldest;
    assert!(kept <= TimeDelta::days(31), "{kept}");
}

#[tokio::test]
async fn while_another_process_lets_go_this_one_only_makes_ahead() {
    let site = Site::start().await;
    look(&site).await;
    let (work, _) = finished(&site).await;
    sqlx::query(
        "INSERT INTO leases VALUES ('partitions', 'another', 1, now() + interval '1 hour')
        ON CONFLICT (name) DO UPDATE SET holder = 'another', expires_at = now() + interval '1 hour'",
    )
    .execute(site.app.pool())
    .await
    .expect("held");
    site.app.clock.advance(QUARTER);
    look(&site).await;
    assert_eq!(site.lines(work.request.task_id).await, [1, 2, 3]);
}

#[tokio::test]
async fn partitions_are_made_ahead_of_time() {
    let site = Site::start().await;
    let partitions = Partitions::new(site.app.context.clone());
    assert_eq!(partitions.tick().await.expect("they are made").done, 6, "this month and two ahead, of two tables");
    assert_eq!(partitions.tick().await.expect("they are there").done, 0);
}

//! What waits stands in nobody's way, is told why once, and goes when what it waits for has come (RELIABILITY 9 and 12).

use std::time::Duration;

use chiffon_engine::store::read::tasks;
use chiffon_engine::store::ready;
use chiffon_engine::verbs::dispatch;
use chiffon_harness::site::{Site, id, step};
use chiffon_harness::wire::WireAgent;
use chiffon_process::Clock as _;
use chiffon_protocol::message::Outcome;
use chiffon_requests::store::read::{request, requests};
use serde_json::Value;

/// More than one look takes.
const MANY: usize = 1_280;

fn many(host: &str, count: usize) -> Vec<Value> {
    (0..count).map(|number| step(&format!("{host}-{number}"), host, &[])).collect()
}

async fn count(site: &Site, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(site.app.pool()).await.expect("it counts")
}

/// What a look at this moment would take.
async fn found(site: &Site) -> usize {
    let mut connection = site.app.context.store.acquire().await.expect("a connection");
    ready::list(&mut connection, site.app.clock.now(), &[], 1_000, 50).await.expect("it looks").ready.len()
}

/// Keeps agents connected however long a busy machine takes over so many tasks: leases run by Postgres time.
async fn let_leases_last(site: &Site) {
    let statement = "UPDATE agents SET lease_expires_at = now() + interval '1 hour'";
    sqlx::query(statement).execute(site.app.pool()).await.expect("the leases are renewed");
}

#[tokio::test]
async fn a_ready_task_behind_more_than_a_look_takes_starts_at_once() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let first = site.approved(&many("nas", MANY)).await;
    let_leases_last(&site).await;
    site.turn().await;
    assert_eq!(agent.take(&site).await.request.hosts, ["nas"]);
    let_leases_last(&site).await;
    site.app.clock.advance(Duration::from_secs(1));
    site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    assert_eq!(agent.work().await.expect("the host web is free").request.hosts, ["web"]);
    while count(&site, "SELECT count(*) FROM tasks WHERE status = 'pending'").await > 0 {
        site.turn().await;
    }
    assert_eq!(found(&site).await, 0, "what waits for nas is not looked at while nas is taken");
    assert_eq!(site.audited(first, "task.offered").await, 1);
}

/// Rows and index entries that the only connection has read so far.
async fn read_so_far(site: &Site) -> i64 {
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(site.app.pool()).await.expect("what was read is counted");
    let rows = "SELECT sum(seq_tup_read + COALESCE(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables";
    count(site, rows).await + count(site, "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes").await
}

#[tokio::test]
async fn what_a_look_that_offers_something_reads_does_not_depend_on_how_much_waits() {
    let mut site = Site::start_on_one_connection().await;
    site.app.leave_behind();
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    site.approved(&[step("holder", "nas", &[])]).await;
    site.turn().await;
    agent.take(&site).await;
    site.app.clock.advance(Duration::from_secs(1));
    let waiting = site.approved(&[step("waiting", "nas", &[])]).await;
    site.turn().await;
    let many = "INSERT INTO tasks
        SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(), 'step_id', 'copy-' || n))).*
        FROM tasks t
        CROSS JOIN generate_series($2, $3) n
        WHERE t.request_id = $1 AND t.step_id = 'waiting'";
    let (mut read, mut there) = (Vec::new(), 1);
    for number in [1_i64, 1_000, 50_000] {
        while there < number {
            let until = number.min(there + 5_000);
            sqlx::query(many).bind(waiting).bind(there + 1).bind(until).execute(site.app.pool()).await.expect("they wait");
            there = until;
        }
        let_leases_last(&site).await;
        site.app.clock.advance(Duration::from_secs(1));
        site.approved(&[step("free", "web", &[])]).await;
        assert_eq!(site.app.number("SELECT count(*) FROM tasks WHERE request_id = $1", waiting).await, number);
        // Index entries of what was written anew are read, too, until they are taken away.
        sqlx::query("VACUUM (ANALYZE)").execute(site.app.pool()).await.expect("the database looks at them");
        let before = read_so_far(&site).await;
        assert_eq!(dispatch::run(&site.app.context).await.expect("it looks"), 1, "the free one goes");
        read.push(read_so_far(&site).await - before);
        site.turn().await;
        let free = agent.take(&site).await;
        agent.finish(&free, Outcome::Succeeded).await;
        site.turn().await;
        agent.hear_all().await;
    }
    let (least, most) = (read.iter().min().expect("three"), read.iter().max().expect("three"));
    // A table of a few rows is read whole rather than by an index, which is less to begin with.
    let few = 20;
    assert!(*least > 0 && most * 5 <= (least + few) * 6, "rows and index entries read, with 1, 1,000 and 50,000 waiting: {read:?}");
}

#[tokio::test]
async fn a_reason_is_told_once_and_reads_as_it_is() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut requests_in_order = Vec::new();
    for step_id in ["one", "two", "three"] {
        requests_in_order.push(site.approved(&[step(step_id, "nas", &[])]).await);
        site.app.clock.advance(Duration::from_secs(1));
    }
    let third = requests_in_order[2];
    site.turn().await;
    let one = agent.take(&site).await;
    let events = site.app.number("SELECT event_seq FROM streams WHERE id = $1", third).await;
    agent.finish(&one, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    let two = agent.take(&site).await;
    assert_eq!(two.request.step_id, "two");
    assert_eq!(site.app.number("SELECT event_seq FROM streams WHERE id = $1", third).await, events, "told once");
    let now = format!("host nas is being changed by task {} (Set up two on nas)", two.request.task_id);
    let view = request::get(site.app.pool(), &site.app.context.settings.kinds, third).await.expect("it reads").expect("it is there");
    assert_eq!(view.tasks[0].waiting_for.as_ref().expect("it waits").text, now);
    assert_eq!(view.waiting_for.expect("it waits").text, now);
    let task_id = id(&site.task(third, "three").await);
    let task = tasks::get(site.app.pool(), &site.app.context.settings.kinds, task_id).await.expect("it reads").expect("it is there");
    assert_eq!(task.task.waiting_for.expect("it waits").text, now);
    let listed =
        requests::list(site.app.pool(), &site.app.context.settings.kinds, &requests::Filter::default(), 10).await.expect("they read");
    let listed = listed.into_iter().find(|request| request.request_id == third).expect("it is listed");
    assert_eq!(listed.waiting_for.expect("it waits").text, now);
}

#[tokio::test]
async fn when_an_agent_comes_all_that_waited_for_it_go() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    let mut steps = many("nas", 300);
    for step in &mut steps {
        step["risk"] = "read_only".into();
        step["resources_required"] = serde_json::json!({});
    }
    let request_id = site.approved(&steps).await;
    site.turn().await;
    assert_eq!(count(&site, "SELECT count(DISTINCT wait_key) FROM tasks").await, 1);
    let _agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    site.turn().await;
    assert_eq!(site.audited(request_id, "task.offered").await, 300);
}

#[tokio::test]
async fn a_task_that_needs_another_host_as_well_does_not_keep_a_free_one_from_those_behind_it() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    site.approved(&[step("nas", "nas", &[])]).await;
    site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let (first, second) = (agent.take(&site).await, agent.take(&site).await);
    let (nas, web) = if first.request.hosts == ["nas"] { (first, second) } else { (second, first) };
    site.app.clock.advance(Duration::from_secs(1));
    let mut both = step("both", "nas", &[]);
    both["hosts"] = serde_json::json!(["nas", "web"]);
    site.approved(&[both]).await;
    site.app.clock.advance(Duration::from_secs(1));
    site.approved(&[step("behind", "nas", &[])]).await;
    site.turn().await;
    agent.finish(&nas, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    let behind = agent.take(&site).await;
    assert_eq!(behind.request.step_id, "behind", "nas is free, web is not");
    agent.finish(&web, Outcome::Succeeded).await;
    agent.finish(&behind, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    assert_eq!(agent.take(&site).await.request.step_id, "both");
}

#[tokio::test]
async fn what_an_orchestrator_of_the_version_before_forgets_is_found_within_a_minute() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[]), step("two", "web", &["one"])]).await;
    site.turn().await;
    let one = agent.take(&site).await;
    agent.finish(&one, Outcome::Succeeded).await;
    site.turn().await;
    // As that version left it: it completes the step before, and says so to nobody.
    sqlx::query("UPDATE tasks SET status = 'pending', wait_key = 'steps' WHERE request_id = $1 AND step_id = 'two'")
        .bind(request_id)
        .execute(site.app.pool())
        .await
        .expect("stored");
    sqlx::query("DELETE FROM host_locks").execute(site.app.pool()).await.expect("stored");
    site.turn().await;
    assert_eq!(site.status(request_id, "two").await, "pending");
    site.app.clock.advance(Duration::from_secs(61));
    site.turn().await;
    assert_eq!(site.status(request_id, "two").await, "dispatched");
}

#[tokio::test]
async fn the_tasks_of_a_held_request_are_not_looked_at_and_hide_nothing() {
    use chiffon_kernel::domain::role::Role;
    use chiffon_requests::verbs::hold;
    let site = Site::start().await;
    let operator = site.app.person("olga", Role::Operator).await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    site.approved(&[step("holder", "nas", &[])]).await;
    site.app.clock.advance(Duration::from_secs(1));
    let held = site.approved(&[step("held", "nas", &[])]).await;
    site.app.clock.advance(Duration::from_secs(1));
    site.approved(&[step("behind", "nas", &[])]).await;
    site.turn().await;
    let holder = agent.take(&site).await;
    hold::pause(&site.app.context, &operator, held, None).await.expect("it is held");
    agent.finish(&holder, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    let behind = agent.take(&site).await;
    assert_eq!(behind.request.step_id, "behind");
    hold::resume(&site.app.context, &operator, held, None).await.expect("it goes on");
    agent.finish(&behind, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    assert_eq!(agent.take(&site).await.request.step_id, "held");
}

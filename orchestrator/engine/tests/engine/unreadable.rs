//! What somebody broke in the database by hand: it is named, never guessed, and stops only what it belongs to.

use chiffon_harness::site::{Site, id, step};
use chiffon_harness::wire::WireAgent;
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::Outcome;
use uuid::Uuid;

/// Breaks what stands in a row.
async fn break_row(site: &Site, statement: &'static str) {
    let broken = sqlx::query(statement).execute(site.app.pool()).await.expect("the statement runs");
    assert!(broken.rows_affected() > 0, "nothing was broken by {statement}");
}

/// What the task of a step waits for, in words.
async fn waits(site: &Site, request_id: Uuid, step_id: &str) -> String {
    let task = site.task(request_id, step_id).await;
    assert_eq!(task["status"], "waiting", "{task:#}");
    task["waiting_for"]["text"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn an_agent_whose_row_can_not_be_read_gets_nothing_and_is_named_and_another_goes_on() {
    for (column, statement) in [
        ("agents.resources", r#"UPDATE agents SET resources = '{"memory_gb": "lots"}' WHERE id = 'infra-1'"#),
        ("agents.heartbeat", r"UPDATE agents SET heartbeat = '[]' WHERE id = 'infra-1'"),
        ("agents.hosts", r#"UPDATE agents SET hosts = '{"all": 5}' WHERE id = 'infra-1'"#),
    ] {
        let mut site = Site::start().await;
        let _one = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
        break_row(&site, statement).await;
        let request = site.approved(&[step("one", "nas", &[])]).await;
        site.turn().await;
        let text = waits(&site, request, "one").await;
        assert!(text.contains("infra-1 gets no work, because what is stored can't be read (5906)") && text.contains(column), "{text}");
        let mut other = WireAgent::start(&site, "infra-2", &site.keys[1]).await;
        site.turn().await;
        other.take(&site).await;
        let task = id(&site.task(request, "one").await);
        assert_eq!(site.attempt(task, 1).await["agent_id"], "infra-2", "{column}");
        site.app.leave_behind();
    }
}

#[tokio::test]
async fn an_agent_whose_work_has_unreadable_needs_is_not_given_more_than_it_has() {
    let mut site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let first = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    agent.take(&site).await;
    break_row(&site, r#"UPDATE tasks SET resources = '{"memory_gb": []}'"#).await;
    let second = site.approved(&[step("two", "web", &[])]).await;
    site.turn().await;
    let text = waits(&site, second, "two").await;
    let task = id(&site.task(first, "one").await);
    assert!(text.contains(&format!("tasks.resources of {task}")), "{text}");
    site.app.leave_behind();
}

#[tokio::test]
async fn a_task_that_can_not_be_read_is_given_up_with_its_place_and_those_behind_it_go_on() {
    for (column, statement) in [
        ("tasks.resources", "UPDATE tasks SET resources = '5' WHERE step_id = 'broken'"),
        ("tasks.parameters", "UPDATE tasks SET parameters = '[1]' WHERE step_id = 'broken'"),
        ("tasks.waiting_for", r#"UPDATE tasks SET waiting_for = '{"what": "host"}' WHERE step_id = 'broken'"#),
    ] {
        let site = Site::start().await;
        let broken = site.approved(&[step("broken", "nas", &[])]).await;
        break_row(&site, statement).await;
        let sound = site.approved(&[step("sound", "nas", &[])]).await;
        let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
        site.turn().await;
        let task = site.task(broken, "broken").await;
        assert_eq!((&task["status"], &task["error"]["code"]), (&"failed".into(), &5906.into()), "{column}: {task:#}");
        assert!(task["error"]["message"].as_str().expect("words").contains(&format!("`{column}` of {}", id(&task))), "{task:#}");
        assert_eq!(site.app.status(broken).await, "failed");
        let kept = "SELECT (data -> 'set_aside')::text FROM audit_log WHERE chain = $1::text AND event = 'task.failed'";
        let kept = site.app.text(kept, broken).await.expect("it is in the audit log");
        assert!(kept.contains(column.trim_start_matches("tasks.")), "{kept}");
        let work = agent.take(&site).await;
        agent.finish(&work, Outcome::Succeeded).await;
        site.turn().await;
        assert_eq!(site.status(sound, "sound").await, "completed");
    }
}

#[tokio::test]
async fn outputs_that_can_not_be_read_are_not_filled_in_as_nothing() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut last = step("two", "web", &["one", "three"]);
    last["parameters"]["upstream"] = "${steps.one.outputs.url}".into();
    let request = site.approved(&[step("one", "nas", &[]), step("three", "web", &[]), last]).await;
    site.turn().await;
    let works = [agent.take(&site).await, agent.take(&site).await];
    let [first, other]: [Vec<_>; 2] = ["one", "three"].map(|step| works.iter().filter(|work| work.request.step_id == step).collect());
    agent.finish(first[0], Outcome::Succeeded).await;
    site.turn().await;
    break_row(&site, "UPDATE tasks SET outputs = '[]' WHERE step_id = 'one'").await;
    agent.finish(other[0], Outcome::Succeeded).await;
    site.turn().await;
    let task = site.task(request, "two").await;
    assert_eq!((&task["status"], &task["error"]["code"]), (&"failed".into(), &ErrorCode::StoredDataUnreadable.number().into()), "{task:#}");
    assert!(task["error"]["message"].as_str().expect("words").contains("`tasks.outputs` of step one of plan"), "{task:#}");
}

#[tokio::test]
async fn a_preview_that_can_not_be_read_is_told_beside_what_the_run_did() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    let task = id(&site.task(request, "one").await);
    add_preview(&site, "'\"all well\"'", "NULL").await;
    let mut result = agent.result(&work, Outcome::Succeeded);
    result.hosts = vec![chiffon_protocol::message::HostResult {
        host: "nas".to_owned(),
        status: chiffon_protocol::message::HostStatus::Completed,
        ..Default::default()
    }];
    agent.say(chiffon_protocol::topology::RESULTS, result).await;
    site.turn().await;
    assert_eq!(site.app.text("SELECT status FROM tasks WHERE id = $1", task).await.as_deref(), Some("completed"));
    let warnings = site.app.text("SELECT warnings::text FROM tasks WHERE id = $1", task).await.expect("warnings");
    assert!(warnings.contains("it was not compared with its preview: `tasks.preview` of the preview of task"), "{warnings}");
}

/// Adds what the preview of step `one` came to: what it foretold, and the variables it was made with, as SQL.
async fn add_preview(site: &Site, preview: &str, variables: &str) {
    let statement = format!(
        "INSERT INTO tasks (id, request_id, plan_id, step_id, purpose, mode, agent_type, action, action_sha256, title, parameters, resources,
            hosts, depends_on, risk, repeatable, timeout_seconds, status, attempt, offer, preview, variables, created_at, updated_at, finished_at)
        SELECT gen_random_uuid(), request_id, plan_id, step_id, 'preview', 'check', agent_type, action, action_sha256, title, parameters, resources,
            hosts, depends_on, risk, repeatable, timeout_seconds, 'completed', 1, 1, {preview}, {variables}, created_at, updated_at, now()
        FROM tasks
        WHERE step_id = 'one'"
    );
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(site.app.pool()).await.expect("the preview is stored");
}

#[tokio::test]
async fn what_a_preview_was_made_with_is_not_left_out_of_the_offer_when_it_can_not_be_read() {
    let site = Site::start().await;
    let request = site.approved(&[step("one", "nas", &[])]).await;
    add_preview(&site, "NULL", "'5'").await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    site.turn().await;
    assert!(agent.work().await.is_none(), "nothing runs whose variables nobody compares");
    let error = site.app.text("SELECT error ->> 'message' FROM tasks WHERE request_id = $1 AND purpose = 'apply'", request).await;
    assert!(error.is_some_and(|words| words.contains("`tasks.variables` of the preview of task")));
}

#[tokio::test]
async fn a_request_whose_error_can_not_be_read_still_ends_with_one() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request = site.approved(&[step("one", "nas", &[]), step("two", "web", &[])]).await;
    site.turn().await;
    let works = [agent.take(&site).await, agent.take(&site).await];
    agent.finish(&works[0], Outcome::Failed).await;
    site.turn().await;
    break_row(&site, "UPDATE tasks SET error = '\"no\"' WHERE status = 'failed'").await;
    agent.finish(&works[1], Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(request).await, "failed");
    assert_eq!(site.app.number("SELECT (error ->> 'code')::bigint FROM requests WHERE id = $1", request).await, 5906);
}

#[tokio::test]
async fn an_agent_whose_hosts_can_not_be_read_is_left_out_of_what_is_planned_for_and_others_are_not() {
    let site = Site::start().await;
    let _one = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let _other = WireAgent::start(&site, "infra-2", &site.keys[1]).await;
    break_row(&site, r#"UPDATE agents SET hosts = '{"all": ["nas"], "odd": 5}' WHERE id = 'infra-1'"#).await;
    break_row(&site, r#"UPDATE agents SET hosts = '{"all": ["web"]}' WHERE id = 'infra-2'"#).await;
    let mut connection = site.app.context.store.acquire().await.expect("a connection");
    let (_, fleet) = chiffon_fleet::store::catalogue::load(&mut connection).await.expect("it loads");
    let hosts: Vec<&String> = fleet.groups().values().flatten().collect();
    assert_eq!(hosts, ["web"]);
}

//! Tasks that are made while their run is under way, in the transaction that settles it.

use chiffon_engine::verbs::late_tasks::{self, Late};
use chiffon_harness::site::{Site, id, step};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_protocol::message::Outcome;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ordered::Ordered;

fn copy(iteration: i32) -> Late {
    let parameters = json!({"host": "web", "port": 8000 + iteration, "upstream": "${steps.list.outputs.url}"});
    Late { step_id: "copy".to_owned(), iteration, parameters: parameters.as_object().cloned(), after: Vec::new() }
}

/// A list, a copy of what is listed, and a report for which all copies have to be made.
fn steps() -> [Value; 3] {
    let mut report = step("report", "nas", &["copy"]);
    report["when"] = json!("${steps.copy.outputs.url}");
    [step("list", "nas", &[]), step("copy", "web", &["list"]), report]
}

async fn listed(site: &Site) -> (WireAgent, Work, Uuid) {
    let mut agent = WireAgent::start(site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&steps()).await;
    site.turn().await;
    let list = agent.take(site).await;
    (agent, list, request_id)
}

async fn end(site: &Site, agent: &mut WireAgent, work: &Work, outcome: Outcome) {
    agent.finish(work, outcome).await;
    site.turn().await;
    agent.hear_all().await;
}

#[tokio::test]
async fn what_waits_for_a_step_waits_for_all_of_its_tasks() {
    let (site, run) = Ordered::start().await;
    let (mut agent, list, request_id) = listed(&site).await;
    run.add_late(vec![copy(1), copy(2)]);
    end(&site, &mut agent, &list, Outcome::Succeeded).await;
    let added = run.added().remove(0).expect("they are added");
    // The same result once more: nothing is added twice.
    end(&site, &mut agent, &list, Outcome::Succeeded).await;
    let audited = "SELECT data::text FROM audit_log WHERE chain = $1::text AND event = 'tasks.created' AND data ->> 'late' = 'true'";
    let audited: Vec<String> =
        sqlx::query_scalar(audited).bind(request_id.to_string()).fetch_all(site.app.pool()).await.expect("the audit log reads");
    assert_eq!(audited.len(), 1);
    assert!(audited[0].contains("\"iteration\": 2") && audited[0].contains(&added[1].to_string()), "{}", audited[0]);
    let mut ports = Vec::new();
    for _ in 0..3 {
        assert_eq!(site.status(request_id, "report").await, "pending");
        let work = agent.take(&site).await;
        assert_eq!(work.request.step_id, "copy");
        let upstream = work.request.parameters["upstream"].as_str().expect("a text").to_owned();
        ports.push((work.request.parameters["port"].as_u64().expect("a number"), upstream));
        end(&site, &mut agent, &work, Outcome::Succeeded).await;
    }
    let filled = || "http://nas:3001".to_owned();
    assert_eq!(ports, [(80, String::new()), (8001, filled()), (8002, filled())], "each has its own parameters, filled in");
    let report = agent.take(&site).await;
    assert_eq!((report.request.step_id.as_str(), run.asked()), ("report", vec!["when report".to_owned()]));
    end(&site, &mut agent, &report, Outcome::Succeeded).await;
    assert_eq!(site.app.status(request_id).await, "completed");
}

#[tokio::test]
async fn one_that_fails_is_the_failure_of_its_step() {
    let (site, run) = Ordered::start().await;
    let (mut agent, list, request_id) = listed(&site).await;
    run.add_late(vec![copy(1)]);
    end(&site, &mut agent, &list, Outcome::Succeeded).await;
    let first = agent.take(&site).await;
    end(&site, &mut agent, &first, Outcome::Succeeded).await;
    let second = agent.take(&site).await;
    assert_eq!(id(&site.late_task(request_id, "copy", 1).await), second.request.task_id);
    end(&site, &mut agent, &second, Outcome::Failed).await;
    assert_eq!((site.status(request_id, "report").await.as_str(), site.app.status(request_id).await.as_str()), ("skipped", "failed"));
}

async fn add(site: &Site, request_id: Uuid, late: &[Late]) -> Result<Vec<Uuid>, Problem> {
    let mut work = site.app.context.begin().await.expect("the database answers");
    let added = late_tasks::run(&site.app.context, &mut work, request_id, late).await.expect("the database answers");
    work.commit().await.expect("the database answers");
    added
}

#[tokio::test]
async fn nothing_is_added_that_was_not_approved_or_to_what_is_over() {
    let site = Site::start().await;
    let (mut agent, list, request_id) = listed(&site).await;
    let refused = |late: Late, code: ErrorCode, words: &'static str| {
        let site = &site;
        async move {
            let problem = add(site, request_id, &[late]).await.expect_err("it is refused");
            assert_eq!(problem.code, code, "{problem:?}");
            assert!(problem.message.contains(words), "{problem:?}");
        }
    };
    refused(copy(0), ErrorCode::InvalidPlan, "has a task 0 already").await;
    refused(Late { step_id: "sweep".to_owned(), ..copy(1) }, ErrorCode::InvalidPlan, "no step `sweep`").await;
    let elsewhere = json!({"host": "nas", "port": 80, "upstream": ""}).as_object().cloned();
    let with = |parameters: Value| Late { parameters: parameters.as_object().cloned(), ..copy(1) };
    let spec = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM actions").fetch_one(site.app.pool()).await.expect("it reads");
    assert!(spec > 0 && elsewhere.is_some());
    refused(Late { parameters: elsewhere, ..copy(1) }, ErrorCode::InvalidParameters, "`host` bears risk").await;
    refused(with(json!({"host": "web", "port": "high"})), ErrorCode::InvalidParameters, "port").await;
    refused(Late { after: vec!["report".to_owned()], ..copy(1) }, ErrorCode::InvalidPlan, "wait for itself").await;
    let many: Vec<Late> = (1..=1_000).map(copy).collect();
    assert_eq!(add(&site, request_id, &many).await.expect_err("it is refused").code, ErrorCode::TooMuchAtOnce);
    end(&site, &mut agent, &list, Outcome::Failed).await;
    assert_eq!(site.app.status(request_id).await, "failed");
    refused(copy(1), ErrorCode::AlreadyFinished, "is failed, so nothing can be added to its run").await;
}

#[tokio::test]
async fn what_need_not_wait_goes_at_once_and_the_run_does_not_end_before_it() {
    let (site, run) = Ordered::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("copy", "web", &[])]).await;
    site.turn().await;
    let first = agent.take(&site).await;
    run.add_late(vec![Late { parameters: None, ..copy(1) }]);
    end(&site, &mut agent, &first, Outcome::Succeeded).await;
    assert_eq!(site.app.status(request_id).await, "running");
    let second = agent.take(&site).await;
    assert_eq!(second.request.parameters, first.request.parameters);
    end(&site, &mut agent, &second, Outcome::Succeeded).await;
    assert_eq!(site.app.status(request_id).await, "completed");
}

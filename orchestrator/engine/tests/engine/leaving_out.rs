//! `when`: whether a step runs is asked of its run once, when all before it is over.

use chiffon_engine::verbs::run::Start;
use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::domain::role::Role;
use chiffon_protocol::message::Outcome;
use chiffon_protocol::topology::RESULTS;
use chiffon_requests::verbs::hold;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::ordered::Ordered;

fn with(mut step: Value, field: &str, asked: Value) -> Value {
    step[field] = asked;
    step
}

fn three() -> [Value; 3] {
    let when = json!("${steps.one.outputs.url}");
    [step("one", "nas", &[]), with(step("two", "web", &["one"]), "when", when), step("three", "nas", &["two"])]
}

/// The first step ends with these outputs.
async fn first_gives(site: &Site, agent: &mut WireAgent, work: &Work, outputs: Value) {
    let mut result = agent.result(work, Outcome::Succeeded);
    result.outputs = outputs.as_object().cloned().unwrap_or_else(Map::new);
    agent.say(RESULTS, result).await;
    site.turn().await;
    agent.hear_all().await;
}

async fn told(site: &Site, request_id: Uuid) -> String {
    let last = "SELECT text FROM messages WHERE request_id = $1 AND sender = 'chiffon' ORDER BY seq DESC LIMIT 1";
    site.app.text(last, request_id).await.expect("it was told")
}

#[tokio::test]
async fn a_step_whose_condition_holds_goes_and_is_asked_about_once() {
    let (site, run) = Ordered::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&three()).await;
    site.turn().await;
    let one = agent.take(&site).await;
    assert!(run.asked().is_empty(), "its turn has not come");
    first_gives(&site, &mut agent, &one, json!({"url": "http://nas"})).await;
    assert_eq!(run.asked(), ["when two"]);
    let two = agent.work().await.expect("it goes");
    agent.decline(&two, "busy").await;
    site.turn().await;
    // The only agent does not want it, and comes back.
    let mut agent = WireAgent::silent(&site, "infra-1", "infra-1", &site.keys[0], 2).await;
    agent.say(chiffon_protocol::topology::CLAIMS, agent.hello.clone()).await;
    site.turn().await;
    let two = agent.take(&site).await;
    assert_eq!((two.request.step_id.as_str(), run.asked().len()), ("two", 0), "nobody is asked again");
    agent.finish(&two, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    let three = agent.take(&site).await;
    agent.finish(&three, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "completed");
}

#[tokio::test]
async fn a_step_whose_condition_does_not_hold_is_left_out_and_what_follows_goes_on() {
    let (site, run) = Ordered::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&three()).await;
    site.turn().await;
    let one = agent.take(&site).await;
    first_gives(&site, &mut agent, &one, json!({"url": ""})).await;
    let two = site.task(request_id, "two").await;
    assert_eq!((&two["status"], &two["consequence"], &two["error"]), (&json!("skipped"), &json!("continue"), &json!(null)));
    assert_eq!(two["output"], "its condition does not hold: ${steps.one.outputs.url}");
    assert_eq!((run.asked().len(), site.audited(request_id, "task.left_out").await), (1, 1));
    // The result once more: nothing of it is asked or done twice.
    agent.finish(&one, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    let three = agent.take(&site).await;
    assert_eq!(three.request.step_id, "three");
    agent.finish(&three, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!((site.app.status(request_id).await.as_str(), run.asked().len()), ("completed", 0));
    let told = told(&site, request_id).await;
    assert!(told.contains("Left out: Set up two on web: its condition does not hold"), "{told}");
}

#[tokio::test]
async fn a_condition_that_can_not_be_decided_fails_its_step_with_the_reason() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&three()).await;
    site.turn().await;
    let one = agent.take(&site).await;
    first_gives(&site, &mut agent, &one, json!({})).await;
    let two = site.task(request_id, "two").await;
    assert_eq!((&two["status"], &two["error"]["code"]), (&json!("failed"), &json!(5509)), "{two:#}");
    assert!(two["error"]["message"].as_str().is_some_and(|text| text.contains("step `one` gave no output `url`")), "{two:#}");
    assert_eq!((site.status(request_id, "three").await.as_str(), site.app.status(request_id).await.as_str()), ("skipped", "failed"));
    assert!(agent.work().await.is_none());
}

#[tokio::test]
async fn an_orchestrator_of_the_version_before_is_not_shown_what_may_have_to_be_left_out() {
    let (site, run) = Ordered::start().await;
    run.answer("one", Start::LeaveOut("it is Sunday".to_owned()));
    let request_id =
        site.approved(&[with(step("one", "nas", &[]), "when", json!("${steps.zero.outputs.due}")), step("two", "nas", &["one"])]).await;
    let shown = |view: &'static str| {
        let pool = site.app.pool();
        async move { sqlx::query_scalar::<_, i64>(view).fetch_one(pool).await.expect("it reads") }
    };
    assert_eq!(shown("SELECT count(*) FROM ready_tasks").await, 1);
    assert_eq!(shown("SELECT count(*) FROM placeable_tasks").await, 0);
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    site.turn().await;
    assert_eq!(site.task(request_id, "one").await["output"], "it is Sunday");
    let two = agent.take(&site).await;
    agent.finish(&two, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "completed");
}

#[tokio::test]
async fn nothing_is_asked_of_a_request_that_is_paused() {
    let (site, run) = Ordered::start().await;
    let operator = site.app.person("olga", Role::Operator).await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&three()).await;
    site.turn().await;
    let one = agent.take(&site).await;
    hold::pause(&site.app.context, &operator, request_id, None).await.expect("it is held");
    first_gives(&site, &mut agent, &one, json!({"url": ""})).await;
    assert_eq!((run.asked().len(), site.status(request_id, "two").await.as_str()), (0, "pending"));
    hold::resume(&site.app.context, &operator, request_id, None).await.expect("it goes on");
    site.turn().await;
    assert_eq!((run.asked(), site.status(request_id, "two").await.as_str()), (vec!["when two".to_owned()], "skipped"));
    let three = agent.take(&site).await;
    agent.finish(&three, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "completed");
}

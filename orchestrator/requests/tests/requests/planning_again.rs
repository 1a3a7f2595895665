//! An action that is edited after its plan was made leaves nothing hanging: the same steps are planned again, for a new approval.

use chiffon_harness::site::{Site, action, step};
use chiffon_harness::wire::WireAgent;
use chiffon_kernel::domain::role::Role;
use chiffon_protocol::ActionSpec;
use chiffon_protocol::message::{AnnouncedAction, Outcome};
use chiffon_protocol::topology::CLAIMS;
use chiffon_requests::verbs::decide::{self, Decide, Decision};
use serde_json::{Value, json};
use uuid::Uuid;

/// The agent's folder was edited: it says hello with other content.
pub(super) async fn edit(site: &Site, agent: &WireAgent, spec: ActionSpec, sha256: &str) {
    site.app.clock.advance(std::time::Duration::from_secs(1));
    let mut hello = agent.hello.clone();
    hello.actions = vec![AnnouncedAction { spec, sha256: sha256.to_owned() }];
    agent.say(CLAIMS, hello).await;
    site.turn().await;
}

async fn plans(site: &Site, request_id: Uuid) -> Vec<(i32, String)> {
    sqlx::query_as("SELECT revision, state FROM plans WHERE request_id = $1 ORDER BY revision")
        .bind(request_id)
        .fetch_all(site.app.pool())
        .await
        .expect("the plans read")
}

async fn newest(site: &Site, request_id: Uuid) -> Value {
    sqlx::query_scalar("SELECT to_jsonb(plans) FROM plans WHERE request_id = $1 ORDER BY revision DESC LIMIT 1")
        .bind(request_id)
        .fetch_one(site.app.pool())
        .await
        .expect("the plan reads")
}

async fn said(site: &Site, request_id: Uuid) -> String {
    let query = "SELECT string_agg(text, E'\n' ORDER BY seq) FROM messages WHERE request_id = $1";
    site.app.text(query, request_id).await.unwrap_or_default()
}

pub(super) fn unpreviewable() -> ActionSpec {
    let mut spec = action();
    spec.check = chiffon_protocol::action::CheckSupport::None;
    spec
}

#[tokio::test]
async fn an_approved_plan_whose_action_was_edited_becomes_a_new_plan_that_needs_a_new_approval() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    edit(&site, &agent, unpreviewable(), &"e".repeat(64)).await;
    let request_id = site.approved(&[step("one", "nas", &[]), step("two", "web", &["one"])]).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "awaiting_approval");
    assert_eq!(plans(&site, request_id).await, [(1, "superseded".to_owned()), (2, "proposed".to_owned())]);
    let plan = newest(&site, request_id).await;
    let steps = plan["body"]["steps"].as_array().expect("steps");
    assert!(steps.iter().all(|step| step["action_sha256"] == "e".repeat(64)), "{steps:#?}");
    assert_eq!((&steps[0]["step_id"], &steps[1]["depends_on"]), (&json!("one"), &json!(["one"])));
    let words = said(&site, request_id).await;
    assert!(words.contains("`set_up` has changed") && words.contains("eeeeeeeeeeee) since plan 1 was made"), "{words}");
    assert!(words.contains("its approval does not count for the new plan"), "{words}");
    assert!(agent.work().await.is_none(), "nothing runs that nobody has approved");

    let ada = site.app.person("ada", Role::Approver).await;
    let approve = |sha256: &Value| Decide {
        request_id,
        plan_sha256: sha256.as_str().expect("a hash").to_owned(),
        decision: Decision::Approve,
        comment: None,
        left_out: Vec::new(),
        link_id: None,
    };
    let old = site.app.text("SELECT sha256 FROM plans WHERE request_id = $1 AND revision = 1", request_id).await;
    assert!(decide::run(&site.app.context, &ada, approve(&json!(old))).await.is_err(), "the old plan is nobody's to approve");
    decide::run(&site.app.context, &ada, approve(&plan["sha256"])).await.expect("it is approved");
    site.turn().await;
    for _ in 0..2 {
        let work = agent.take(&site).await;
        assert_eq!(work.request.action_sha256, "e".repeat(64));
        agent.finish(&work, Outcome::Succeeded).await;
        site.turn().await;
        agent.hear_all().await;
    }
    assert_eq!(site.app.status(request_id).await, "completed");
}

#[tokio::test]
async fn an_offer_that_is_declined_for_its_edited_action_is_planned_again_once_the_agent_says_what_it_has() {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let work = agent.work().await.expect("it is offered");
    agent.decline(&work, "its `set_up` has the content eeee, but aaaa was planned (5403)").await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "running");
    edit(&site, &agent, unpreviewable(), &"e".repeat(64)).await;
    assert_eq!(site.app.status(request_id).await, "awaiting_approval");
    assert_eq!(site.locked_hosts().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_has_begun_is_not_planned_again_and_names_the_way_out() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[]), step("two", "web", &["one"])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.finish(&work, Outcome::Succeeded).await;
    edit(&site, &agent, unpreviewable(), &"e".repeat(64)).await;
    assert_eq!(site.app.status(request_id).await, "running");
    let text = site.task(request_id, "two").await["waiting_for"]["text"].as_str().expect("it says why").to_owned();
    let id = request_id.to_string();
    assert!(text.starts_with("infra-1 has another version of the action set_up"), "{text}");
    assert!(text.contains(&format!("`chiffon cancel {}`", id.get(28..).expect("an id"))), "{text}");
}

#[tokio::test]
async fn a_version_that_only_one_agent_lacks_is_waited_for() {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut newer = WireAgent::silent(&site, "infra-2", "infra-2", &site.keys[1], 1).await;
    newer.hello.hosts = [("all".to_owned(), vec!["pi".to_owned()])].into();
    edit(&site, &newer, unpreviewable(), &"e".repeat(64)).await;
    let mut planned = step("one", "nas", &[]);
    planned["action_sha256"] = json!("e".repeat(64));
    let request_id = site.approved(&[planned]).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "running");
    assert_eq!(plans(&site, request_id).await, [(1, "approved".to_owned())]);
    edit(&site, &agent, unpreviewable(), &"e".repeat(64)).await;
    assert!(agent.work().await.is_some(), "it has the planned version now");
}

#[tokio::test]
async fn an_edit_that_the_steps_do_not_fit_is_asked_about() {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut spec = unpreviewable();
    spec.parameters["required"] = json!(["host", "colour"]);
    spec.parameters["properties"]["colour"] = json!({"type": "string"});
    edit(&site, &agent, spec, &"e".repeat(64)).await;
    let request_id = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "needs_input");
    assert!(said(&site, request_id).await.contains("colour"));
}

#[tokio::test]
async fn a_default_that_was_edited_counts_for_the_new_plan_and_a_value_that_somebody_wrote_stays() {
    for (port, planned) in [(80, 8080), (81, 81)] {
        let site = Site::start().await;
        let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
        let mut said = step("one", "nas", &[]);
        said["parameters"]["port"] = json!(port);
        let request_id = site.approved(&[said]).await;
        let mut spec = unpreviewable();
        spec.parameters["properties"]["port"]["default"] = json!(8080);
        edit(&site, &agent, spec, &"e".repeat(64)).await;
        site.turn().await;
        assert_eq!(site.app.status(request_id).await, "awaiting_approval");
        let plan = newest(&site, request_id).await;
        assert_eq!(plan["body"]["steps"][0]["parameters"]["port"], planned, "{plan:#}");
    }
}

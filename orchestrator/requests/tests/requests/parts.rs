//! Approving a part of a plan: exactly the plan that was seen, and the steps that are left out.

use chiffon_harness::app::TestApp;
use chiffon_harness::conversation::{decide, end_tasks};
use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::WireAgent;
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_plans::domain::policy::Policy;
use chiffon_protocol::message::Outcome;
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_requests::domain::asked_action::AskedAction;
use chiffon_requests::verbs::decide::{self as deciding, Decide, Decided, Decision};
use chiffon_requests::verbs::stand::{self, Stand};
use chiffon_requests::verbs::submit::{self, Submit};
use serde_json::{Value, json};
use uuid::Uuid;

use super::planning_again::{edit, unpreviewable};

/// A plan of two steps that don't need each other, waiting for its approvers.
async fn proposed(policy: Policy) -> (TestApp, Uuid) {
    let app = TestApp::with_policy(policy).await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let parameters = json!({"service": "nginx"}).as_object().expect("parameters").clone();
    let action = AskedAction { name: "restart_service".to_owned(), hosts: vec!["nas".to_owned(), "web".to_owned()], parameters };
    let input = Submit { action: Some(action), ..Submit::default() };
    let request_id = submit::run(&app.context, &ann, input).await.expect("it is taken").request_id;
    app.plan().await;
    assert_eq!(app.status(request_id).await, "awaiting_approval");
    (app, request_id)
}

async fn without(app: &TestApp, who: &Principal, request_id: Uuid, left_out: &[&str]) -> Result<Decided, Problem> {
    let left_out = left_out.iter().map(|id| (*id).to_owned()).collect();
    let plan_sha256 = app.plan_sha256(request_id).await;
    let input = Decide { request_id, plan_sha256, decision: Decision::Approve, comment: None, left_out, link_id: None };
    deciding::run(&app.context, who, input).await
}

/// The tasks of its run: step, status and what was said.
async fn run(app: &TestApp, request_id: Uuid) -> Value {
    let query = "SELECT jsonb_object_agg(step_id, jsonb_build_array(status, output, consequence))::text FROM tasks WHERE request_id = $1 AND purpose = 'apply'";
    serde_json::from_str(&app.text(query, request_id).await.expect("it has tasks")).expect("JSON")
}

#[tokio::test]
async fn what_is_left_out_never_runs_and_is_told_and_the_rest_completes_the_request() {
    let (app, request_id) = proposed(Policy::default()).await;
    let bob = app.person("bob", Role::Approver).await;
    let decided = without(&app, &bob, request_id, &["restart-web"]).await.expect("it is taken");
    assert_eq!((decided.status.as_str(), decided.left_out), ("running", vec!["restart-web".to_owned()]));
    let expected = json!({
        "restart": ["pending", null, null], "restart-web": ["skipped", "left out by bob at approval", "continue"],
    });
    assert_eq!(run(&app, request_id).await, expected);
    let audit = "SELECT string_agg(actor || ' ' || event, ', ' ORDER BY seq) FROM audit_log WHERE chain = $1::text AND seq > 3";
    let story = app.text(audit, request_id).await.expect("a story");
    assert!(story.contains("bob task.left_out") && story.contains("bob plan.approved"), "{story}");
    let kept = "SELECT (data -> 'left_out')::text FROM audit_log WHERE chain = $1::text AND event = 'plan.approved'";
    assert_eq!(app.text(kept, request_id).await.as_deref(), Some("[\"restart-web\"]"));

    end_tasks(&app, request_id, "apply", "completed", json!({})).await;
    assert_eq!(app.status(request_id).await, "completed");
    let said =
        app.text("SELECT string_agg(text, E'\\n' ORDER BY seq) FROM messages WHERE request_id = $1 AND sender = 'chiffon'", request_id);
    let said = said.await.expect("it is said");
    assert!(said.contains("bob approved plan 1 without 2 (Restart a service on web)"), "{said}");
    assert!(said.contains("left out by bob at approval"), "{said}");
}

#[tokio::test]
async fn what_can_not_be_left_out_is_refused_and_nothing_is_approved() {
    let (app, request_id) = proposed(Policy::default()).await;
    let bob = app.person("bob", Role::Approver).await;
    for left_out in [&["nothing"][..], &["restart", "restart-web"]] {
        let refused = without(&app, &bob, request_id, left_out).await.expect_err("it is refused");
        assert_eq!(refused.code, ErrorCode::NotToBeLeftOut, "{left_out:?}");
    }
    let plan_sha256 = app.plan_sha256(request_id).await;
    let input =
        Decide { request_id, plan_sha256, decision: Decision::Reject, comment: None, left_out: vec!["restart".to_owned()], link_id: None };
    assert_eq!(deciding::run(&app.context, &bob, input).await.expect_err("it is refused").code, ErrorCode::InvalidField);
    assert_eq!(app.status(request_id).await, "awaiting_approval");
    assert_eq!(
        app.number("SELECT count(*) FROM approvals a JOIN plans p ON p.id = a.plan_id WHERE p.request_id = $1", request_id).await,
        0
    );
}

#[tokio::test]
async fn of_two_who_approve_different_parts_at_once_one_wins_and_exactly_their_part_runs() {
    let (app, request_id) = proposed(Policy::default()).await;
    let (bob, eve) = (app.person("bob", Role::Approver).await, app.person("eve", Role::Approver).await);
    let (first, second) = tokio::join!(without(&app, &bob, request_id, &["restart"]), without(&app, &eve, request_id, &["restart-web"]));
    let (won, refused) = match (first, second) {
        (Ok(won), Err(refused)) | (Err(refused), Ok(won)) => (won, refused),
        both => panic!("exactly one of them starts the run: {both:?}"),
    };
    assert_eq!(refused.code, ErrorCode::AlreadyDecided);
    let tasks = run(&app, request_id).await;
    for step in ["restart", "restart-web"] {
        let status = if won.left_out.iter().any(|out| out == step) { "skipped" } else { "pending" };
        assert_eq!(tasks[step][0], status, "{tasks}");
    }
}

#[tokio::test]
async fn approvals_of_different_parts_do_not_add_up_and_one_may_be_changed_until_it_counts() {
    let (app, request_id) = proposed(Policy { approvals: 2, ..Policy::default() }).await;
    let (bob, eve) = (app.person("bob", Role::Approver).await, app.person("eve", Role::Approver).await);
    assert_eq!(without(&app, &bob, request_id, &["restart-web"]).await.expect("it is taken").approvals_given, 1);
    let again = without(&app, &bob, request_id, &["restart-web"]).await.expect_err("the same word again");
    assert_eq!(again.code, ErrorCode::AlreadyDecided);
    for other in [&[][..], &["restart"]] {
        let refused = without(&app, &eve, request_id, other).await.expect_err("another part");
        assert_eq!(refused.code, ErrorCode::OtherPartApproved);
        assert_eq!(refused.details["approved"], json!([{"by": "bob", "left_out": ["restart-web"]}]));
        assert!(refused.message.contains("bob has approved it without 2 (Restart a service on web)"), "{refused}");
    }
    assert_eq!(app.status(request_id).await, "awaiting_approval");
    assert_eq!(without(&app, &bob, request_id, &["restart"]).await.expect("he approves another part").approvals_given, 1);
    let second = without(&app, &eve, request_id, &["restart"]).await.expect("the same part");
    assert_eq!((second.status.as_str(), second.approvals_given), ("running", 2));
    assert_eq!(run(&app, request_id).await["restart"][1], "left out by eve at approval");
}

#[tokio::test]
async fn nobody_stands_for_all_of_a_plan_of_which_they_approved_a_part() {
    let (app, request_id) = proposed(Policy::default()).await;
    let bob = app.person("bob", Role::Approver).await;
    without(&app, &bob, request_id, &["restart-web"]).await.expect("it is taken");
    let plan_sha256 = app.plan_sha256(request_id).await;
    let refused = stand::run(&app.context, &bob, Stand { request_id, plan_sha256, ..Stand::default() }).await.expect_err("a part");
    assert_eq!(refused.code, ErrorCode::NotApprovedByYou);
}

#[tokio::test]
async fn an_approval_of_all_leaves_nothing_out() {
    let (app, request_id) = proposed(Policy::default()).await;
    let bob = app.person("bob", Role::Approver).await;
    decide(&app, &bob, request_id, Decision::Approve, None).await.expect("it is taken");
    let expected = json!({"restart": ["pending", null, null], "restart-web": ["pending", null, null]});
    assert_eq!(run(&app, request_id).await, expected);
}

/// A plan of three steps, of which the second needs the first, waiting for its approver; and the agent that would run it.
async fn chained() -> (Site, WireAgent, Uuid) {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    edit(&site, &agent, unpreviewable(), &"e".repeat(64)).await;
    let request_id = site.approved(&[step("one", "nas", &[]), step("two", "web", &["one"]), step("three", "nas", &[])]).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "awaiting_approval");
    (site, agent, request_id)
}

#[tokio::test]
async fn a_step_and_what_needs_it_are_left_out_together_and_neither_is_ever_offered() {
    let (site, mut agent, request_id) = chained().await;
    let ada = site.app.person("ada", Role::Approver).await;
    let refused = without(&site.app, &ada, request_id, &["one"]).await.expect_err("two needs it");
    assert_eq!((refused.code, &refused.details["needed"]), (ErrorCode::NotToBeLeftOut, &json!([{"step_id": "two", "needs": "one"}])));
    without(&site.app, &ada, request_id, &["two", "one"]).await.expect("nothing that is kept needs them");
    site.turn().await;
    let work = agent.take(&site).await;
    assert_eq!(work.request.step_id, "three");
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "completed");
    let offered = "SELECT count(*) FROM task_attempts a JOIN tasks t ON t.id = a.task_id WHERE t.request_id = $1 AND t.step_id <> 'three'";
    assert_eq!((site.app.number(offered, request_id).await, agent.work().await.is_none()), (0, true));
}

#[tokio::test]
async fn a_part_whose_action_was_edited_before_it_began_becomes_a_new_plan_of_all_steps() {
    let (site, agent, request_id) = chained().await;
    let ada = site.app.person("ada", Role::Approver).await;
    without(&site.app, &ada, request_id, &["two"]).await.expect("it is taken");
    edit(&site, &agent, unpreviewable(), &"f".repeat(64)).await;
    assert_eq!(site.app.status(request_id).await, "awaiting_approval");
    let plan = "SELECT count(*) FROM plans p, jsonb_array_elements(p.body -> 'steps') WHERE p.request_id = $1 AND p.state = 'proposed'";
    assert_eq!(site.app.number(plan, request_id).await, 3);
}

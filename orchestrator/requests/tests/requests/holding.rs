//! A request that a person holds: nothing more of it begins, what runs goes on, and that it is held outlasts its other states.

use chiffon_engine::domain::task::Decision;
use chiffon_harness::site::{Site, step, step_of};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_protocol::ErrorCode;
use chiffon_protocol::message::{Message, Outcome};
use chiffon_protocol::topology::CLAIMS;
use chiffon_requests::verbs::resolve::{self, Resolve};
use chiffon_requests::verbs::{cancel, hold};
use serde_json::json;
use uuid::Uuid;

async fn site() -> (Site, WireAgent, Principal) {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let ada = site.app.person("ada", Role::Operator).await;
    (site, agent, ada)
}

async fn waits_for(site: &Site, request_id: Uuid) -> Option<String> {
    site.app.text("SELECT waiting_for ->> 'what' FROM requests WHERE id = $1", request_id).await
}

/// A request with a step that runs and a step that waits for it, held while it runs.
async fn held_while_running(site: &Site, agent: &mut WireAgent, ada: &Principal) -> (Uuid, Work) {
    let request_id = site.approved(&[step_of("one", "nas", &[], "no"), step("two", "nas", &["one"])]).await;
    site.turn().await;
    let work = agent.take(site).await;
    agent.progress(&work, 40, &[1]).await;
    site.turn().await;
    let held = hold::pause(&site.app.context, ada, request_id, Some("dinner")).await.expect("it is taken");
    assert_eq!((held.status.as_str(), held.going_on), ("paused", vec![work.request.task_id]));
    (request_id, work)
}

#[tokio::test]
async fn an_offer_that_nobody_has_claimed_is_taken_back_and_a_claim_for_it_refused() {
    let (site, mut agent, ada) = site().await;
    let request_id = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let work = agent.work().await.expect("there is work");
    hold::pause(&site.app.context, &ada, request_id, Some("dinner")).await.expect("it is taken");
    let task = site.task(request_id, "one").await;
    assert_eq!((&task["status"], &task["waiting_for"]["what"]), (&json!("waiting"), &json!("resume")), "{task:#}");
    assert!(site.locked_hosts().await.is_empty());
    agent.say(CLAIMS, agent.claim_for(&work)).await;
    site.turn().await;
    let Message::WorkGrant(grant) = agent.hear().await else { panic!("not an answer") };
    assert!(!grant.reason.is_empty(), "refused");
    assert!(agent.work().await.is_none(), "nothing is offered while it is held");
    assert_eq!(waits_for(&site, request_id).await.as_deref(), Some("resume"));
    assert_eq!((site.audited(request_id, "request.paused").await, site.audited(request_id, "task.held").await), (1, 1));
    let said = "SELECT count(*) FROM messages WHERE request_id = $1 AND text = 'ada paused it: dinner'";
    assert_eq!(site.app.number(said, request_id).await, 1);

    let resumed = hold::resume(&site.app.context, &ada, request_id, None).await.expect("it is taken");
    assert_eq!((resumed.status.as_str(), resumed.held), ("running", false));
    site.turn().await;
    let work = agent.take(&site).await;
    assert_eq!((work.request.attempt, work.request.offer), (1, 2), "nobody had it: the same attempt, offered again");
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "completed");
}

#[tokio::test]
async fn a_claim_that_overtook_the_pause_is_refused_by_the_hold_itself() {
    let (site, mut agent, ada) = site().await;
    let request_id = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let work = agent.work().await.expect("there is work");
    // An orchestrator of the version before has offered it meanwhile: it does not know the hold.
    hold::pause(&site.app.context, &ada, request_id, None).await.expect("it is taken");
    sqlx::query("UPDATE tasks SET status = 'dispatched', claim_by = now(), offer = 1, waiting_for = NULL")
        .execute(site.app.pool())
        .await
        .expect("it is offered");
    agent.say(CLAIMS, agent.claim_for(&work)).await;
    site.turn().await;
    let Message::WorkGrant(grant) = agent.hear().await else { panic!("not an answer") };
    assert!(grant.reason.starts_with("its request is paused"), "{}", grant.reason);
    site.let_offers_expire();
    site.turn().await;
    assert_eq!(site.status(request_id, "one").await, "waiting");
}

#[tokio::test]
async fn what_runs_goes_on_and_nothing_after_it_begins_until_it_is_resumed() {
    let (site, mut agent, ada) = site().await;
    let (request_id, work) = held_while_running(&site, &mut agent, &ada).await;
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    assert_eq!((site.status(request_id, "one").await.as_str(), site.app.status(request_id).await.as_str()), ("completed", "paused"));
    assert!(agent.work().await.is_none());
    hold::resume(&site.app.context, &ada, request_id, None).await.expect("it is taken");
    site.turn().await;
    let work = agent.take(&site).await;
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "completed");
    assert_eq!(site.audited(request_id, "request.resumed").await, 1);
}

#[tokio::test]
async fn what_needs_a_person_is_shown_first_and_after_their_decision_it_is_held_again() {
    let (site, mut agent, ada) = site().await;
    let (request_id, work) = held_while_running(&site, &mut agent, &ada).await;
    site.fall_silent().await;
    assert_eq!(site.app.status(request_id).await, "needs_attention");
    let comment = Some("it is there".to_owned());
    let input = Resolve { task_id: work.request.task_id, decision: Decision::Done, attempt: Some(1), comment, not_running: true };
    let resolved = resolve::run(&site.app.context, &ada, input).await.expect("it is taken");
    assert_eq!(resolved.request_status.as_str(), "paused", "it is held still");
    assert_eq!(waits_for(&site, request_id).await.as_deref(), Some("resume"));
    agent.say(CLAIMS, agent.hello.clone()).await;
    site.turn().await;
    agent.hear_all().await;
    assert!(agent.work().await.is_none());
    hold::resume(&site.app.context, &ada, request_id, None).await.expect("it is taken");
    site.turn().await;
    let rest = agent.take(&site).await;
    agent.finish(&rest, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "completed");
}

#[tokio::test]
async fn a_request_that_needs_a_person_can_be_held_and_let_go_on_before_they_decide() {
    let (site, mut agent, ada) = site().await;
    let context = &site.app.context;
    let request_id = site.approved(&[step_of("one", "nas", &[], "no"), step("two", "web", &[])]).await;
    site.turn().await;
    let (first, second) = (agent.take(&site).await, agent.work().await.expect("there is work"));
    assert_eq!(first.request.step_id, "one");
    agent.finish(&first, Outcome::Interrupted).await;
    site.turn().await;
    agent.hear_all().await;
    let held = hold::pause(context, &ada, request_id, None).await.expect("it is taken");
    assert_eq!((held.status.as_str(), held.held), ("needs_attention", true));
    assert_eq!(site.status(request_id, "two").await, "waiting");
    assert_eq!(waits_for(&site, request_id).await.as_deref(), Some("attention"), "that is what it waits for first");
    site.turn().await;
    assert!(agent.work().await.is_none());
    let again = hold::pause(context, &ada, request_id, None).await.expect_err("it is held");
    assert!(again.code == ErrorCode::InvalidTransition && again.message.contains("ada paused it already"), "{again}");
    hold::resume(context, &ada, request_id, None).await.expect("it is taken");
    site.turn().await;
    let work = agent.take(&site).await;
    assert_eq!((work.request.step_id.as_str(), work.request.offer), ("two", second.request.offer + 1));
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "needs_attention");
}

#[tokio::test]
async fn a_held_request_can_be_cancelled() {
    let (site, mut agent, ada) = site().await;
    let (request_id, work) = held_while_running(&site, &mut agent, &ada).await;
    cancel::run(&site.app.context, &ada, request_id, None).await.expect("it is taken");
    assert_eq!(site.status(request_id, "two").await, "cancelled");
    agent.finish(&work, Outcome::Cancelled).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "cancelled");
    let over = hold::resume(&site.app.context, &ada, request_id, None).await.expect_err("it is over");
    assert_eq!(over.code, ErrorCode::AlreadyFinished);
}

#[tokio::test]
async fn only_what_runs_can_be_held_and_only_by_its_asker_or_an_operator() {
    let (site, mut agent, ada) = site().await;
    let request_id = site.approved(&[step("one", "nas", &[])]).await;
    let other = site.app.person("other", Role::Requester).await;
    assert_eq!(hold::pause(&site.app.context, &other, request_id, None).await.expect_err("refused").code, ErrorCode::Forbidden);
    let problem = hold::resume(&site.app.context, &ada, request_id, None).await.expect_err("refused");
    assert!(problem.code == ErrorCode::InvalidTransition && problem.message.contains("nobody holds it"), "{problem}");
    site.turn().await;
    let work = agent.take(&site).await;
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(hold::pause(&site.app.context, &ada, request_id, None).await.expect_err("over").code, ErrorCode::AlreadyFinished);
}

//! One attempt has one owner (RELIABILITY 6 to 9).

use chiffon_harness::site::{Site, id, step};
use chiffon_harness::wire::WireAgent;
use chiffon_protocol::Message;
use chiffon_protocol::message::{Decision, WorkGrant};
use chiffon_protocol::topology::CLAIMS;

fn grant(message: Message) -> WorkGrant {
    let Message::WorkGrant(grant) = message else { panic!("not an answer to a claim: {message:?}") };
    grant
}

#[tokio::test]
async fn of_two_agents_one_gets_the_attempt_and_the_same_claim_the_same_answer() {
    let site = Site::start().await;
    let mut first = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut second = WireAgent::start(&site, "infra-2", &site.keys[1]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = first.work().await.expect("it is offered");
    assert_eq!((work.request.attempt, work.request.offer, work.request.hosts.clone()), (1, 1, vec!["web".to_owned()]));
    let claim = first.claim_for(&work);
    first.say(CLAIMS, claim.clone()).await;
    second.say(CLAIMS, second.claim_for(&work)).await;
    first.say(CLAIMS, claim.clone()).await;
    site.turn().await;
    let (granted, again) = (grant(first.hear().await), grant(first.hear().await));
    assert_eq!((granted.decision, granted.claim_id, &granted.work_sha256), (Decision::Granted, claim.claim_id, &work.sha256));
    assert_eq!(again, granted);
    let refused = grant(second.hear().await);
    assert_eq!((refused.decision, refused.reason.as_str()), (Decision::Refused, "it belongs to infra-1"));
    assert_eq!(site.audited(request_id, "task.claimed").await, 1);
}

#[tokio::test]
async fn another_claim_of_the_owner_is_refused_too() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.say(CLAIMS, agent.claim_for(&work)).await;
    site.turn().await;
    assert_eq!(grant(agent.hear().await).decision, Decision::Refused);
}

#[tokio::test]
async fn what_nobody_claims_is_offered_again_and_the_old_offer_is_refused() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let old = agent.work().await.expect("it is offered");
    site.let_offers_expire();
    site.turn().await;
    let new = agent.work().await.expect("it is offered again");
    assert_eq!((new.request.attempt, new.request.offer), (1, 2));
    assert_eq!(site.audited(request_id, "task.unclaimed").await, 1);
    agent.say(CLAIMS, agent.claim_for(&old)).await;
    site.turn().await;
    let refused = grant(agent.hear().await);
    assert_eq!((refused.decision, refused.reason.as_str()), (Decision::Refused, "it belongs to attempt 1, offer 1, which was superseded"));
    agent.say(CLAIMS, agent.claim_for(&new)).await;
    site.turn().await;
    assert_eq!(grant(agent.hear().await).decision, Decision::Granted);
}

#[tokio::test]
async fn a_decline_goes_to_another_agent_and_when_all_decline_that_is_said() {
    let site = Site::start().await;
    let first = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let second = WireAgent::start(&site, "infra-2", &site.keys[1]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = first.work().await.expect("it is offered");
    first.decline(&work, "web is not in its inventory").await;
    site.turn().await;
    let again = second.work().await.expect("it is offered to the other");
    assert_eq!((again.request.attempt, again.request.offer), (1, 2));
    second.decline(&again, "its disk is full").await;
    site.turn().await;
    assert!(first.work().await.is_none(), "it is not offered to those that declined");
    let task = site.task(request_id, "web").await;
    assert_eq!(task["status"], "waiting");
    assert_eq!(task["waiting_for"]["text"], "every connected agent that could take it has declined: infra-2: its disk is full");
    assert!(site.locked_hosts().await.is_empty());
    let request = site.app.text("SELECT waiting_for ->> 'text' FROM requests WHERE id = $1", request_id).await;
    assert_eq!(request.as_deref(), task["waiting_for"]["text"].as_str(), "the request waits for the same");
}

#[tokio::test]
async fn a_cancelled_offer_can_not_be_claimed() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.work().await.expect("it is offered");
    let task_id = id(&site.task(request_id, "web").await);
    let mut unit = site.app.context.begin().await.expect("the database answers");
    let report = chiffon_engine::verbs::cancel_tasks::run_one(&site.app.context, &mut unit, task_id, "not wanted any more", "ada").await;
    assert_eq!(report.expect("it works").expect("it is there").cancelled.len(), 1);
    unit.commit().await.expect("the database answers");
    agent.say(CLAIMS, agent.claim_for(&work)).await;
    site.turn().await;
    assert_eq!(grant(agent.hear().await).decision, Decision::Refused);
    assert_eq!(site.status(request_id, "web").await, "cancelled");
    assert!(site.locked_hosts().await.is_empty());
}

#[tokio::test]
async fn a_claim_in_the_name_of_another_agent_is_dead_lettered() {
    let mut site = Site::start().await;
    let first = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let second = WireAgent::start(&site, "infra-2", &site.keys[1]).await;
    site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = first.work().await.expect("it is offered");
    site.app.leave_behind();
    second.say(CLAIMS, first.claim_for(&work)).await;
    let verdicts = site.turn().await;
    assert!(matches!(&verdicts[..], [chiffon_bus::Verdict::Reject { code: 5401, .. }]), "{verdicts:?}");
    assert_eq!(site.attempt(work.request.task_id, 1).await["agent_id"], serde_json::Value::Null);
}

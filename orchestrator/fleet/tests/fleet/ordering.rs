//! Pausing, resuming and draining an agent: the wish stands in the records, and is told until it is followed.

use chiffon_engine::verbs::order_agent;
use chiffon_fleet::domain::agent_order::Desired;
use chiffon_fleet::store::read::agents;
use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::WireAgent;
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_protocol::message::{Command, Decision, Heartbeat, Intake, Outcome};
use chiffon_protocol::topology::{CLAIMS, HEARTBEATS};
use chiffon_protocol::{ErrorCode, Message};

async fn order(site: &Site, who: &Principal, agent: &str, desired: Desired) {
    order_agent::run(&site.app.context, who, agent, desired, "new disk").await.expect("it is noted");
}

/// A heartbeat of an agent that follows this order; what it is told then.
async fn told(site: &Site, agent: &mut WireAgent, seq: u64, intake: Intake) -> Vec<Command> {
    let said = Heartbeat { agent_id: agent.id.clone(), incarnation: agent.incarnation, seq, intake: Some(intake), ..Heartbeat::default() };
    agent.say(HEARTBEATS, said).await;
    site.turn().await;
    commands(agent).await
}

async fn commands(agent: &mut WireAgent) -> Vec<Command> {
    let controls = agent.hear_all().await.into_iter();
    controls.map(|said| if let Message::Control(control) = said { control.command } else { panic!("{said:?}") }).collect()
}

#[tokio::test]
async fn an_order_is_repeated_with_heartbeats_until_they_say_that_it_is_followed() {
    let site = Site::start().await;
    let operator = site.app.person("ann", Role::Operator).await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    assert_eq!(told(&site, &mut agent, 1, Intake::Open).await, [], "nobody wants anything");
    order(&site, &operator, "infra-1", Desired::Paused).await;
    assert_eq!(commands(&mut agent).await, [Command::Pause], "it is told at once");
    assert_eq!(told(&site, &mut agent, 2, Intake::Open).await, [Command::Pause], "it did not hear it, and is told again");
    assert_eq!(told(&site, &mut agent, 3, Intake::Paused).await, []);
    order(&site, &operator, "infra-1", Desired::Drained).await;
    assert_eq!(commands(&mut agent).await, [Command::Drain]);
    assert_eq!(told(&site, &mut agent, 4, Intake::Paused).await, [Command::Drain]);
    assert_eq!(told(&site, &mut agent, 5, Intake::Draining).await, []);
    order(&site, &operator, "infra-1", Desired::Active).await;
    assert_eq!(commands(&mut agent).await, [Command::Resume]);
    assert_eq!(told(&site, &mut agent, 6, Intake::Draining).await, [Command::Resume]);
    assert_eq!(told(&site, &mut agent, 7, Intake::Open).await, []);
}

#[tokio::test]
async fn an_order_outlives_the_agents_start_and_a_drained_one_does_not_end_again() {
    let site = Site::start().await;
    let operator = site.app.person("ann", Role::Operator).await;
    WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    order(&site, &operator, "infra-1", Desired::Drained).await;
    let mut again = WireAgent::silent(&site, "infra-1", "infra-1", &site.keys[0], 2).await;
    again.say(CLAIMS, again.hello.clone()).await;
    site.turn().await;
    assert_eq!(commands(&mut again).await, [Command::Pause], "what is started by itself is not ended again and again");
    assert_eq!(told(&site, &mut again, 1, Intake::Paused).await, []);
    let shown = agents::list(site.app.pool(), &site.app.context.settings.kinds, Some("infra-1")).await.expect("reads").remove(0);
    assert_eq!((shown.desired.as_str(), shown.ends, shown.desired_by.as_deref()), ("drained", false, Some("ann")));
    order(&site, &operator, "infra-1", Desired::Drained).await;
    assert_eq!(commands(&mut again).await, [Command::Drain], "whoever asks again means this start");
}

#[tokio::test]
async fn a_paused_agent_is_offered_nothing_and_what_waits_for_it_says_so() {
    let site = Site::start().await;
    let operator = site.app.person("ann", Role::Operator).await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    order(&site, &operator, "infra-1", Desired::Paused).await;
    let request = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let task = site.task(request, "one").await;
    let text = task["waiting_for"]["text"].as_str().expect("a reason");
    assert!(text.starts_with("infra-1 is paused by ann since ") && text.ends_with(" UTC (new disk)"), "{text}");
    order(&site, &operator, "infra-1", Desired::Active).await;
    site.turn().await;
    assert_eq!(commands(&mut agent).await, [Command::Pause, Command::Resume]);
    let work = agent.take(&site).await;
    order(&site, &operator, "infra-1", Desired::Paused).await;
    assert_eq!(told(&site, &mut agent, 1, Intake::Open).await, [Command::Pause, Command::Pause]);
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.status(request, "one").await, "completed", "what runs goes on");
}

#[tokio::test]
async fn a_claim_of_a_paused_agent_is_refused_and_the_task_goes_elsewhere_at_once() {
    let site = Site::start().await;
    let operator = site.app.person("ann", Role::Operator).await;
    let mut paused = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut other = WireAgent::start(&site, "infra-2", &site.keys[1]).await;
    let request = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let work = paused.work().await.expect("it was offered before");
    order(&site, &operator, "infra-1", Desired::Paused).await;
    assert_eq!(commands(&mut paused).await, [Command::Pause]);
    paused.say(CLAIMS, paused.claim_for(&work)).await;
    site.turn().await;
    let Message::WorkGrant(answer) = paused.hear().await else { panic!("not an answer") };
    assert_eq!(answer.decision, Decision::Refused);
    assert!(answer.reason.starts_with("infra-1 is paused by ann since "), "{}", answer.reason);
    let taken = other.take(&site).await;
    assert_eq!((taken.request.attempt, taken.request.offer), (1, work.request.offer + 1));
    other.finish(&taken, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.status(request, "one").await, "completed");
}

#[tokio::test]
async fn orders_are_audited_once_and_shown_with_who_and_why() {
    let site = Site::start().await;
    let operator = site.app.person("ann", Role::Operator).await;
    WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    for desired in [Desired::Active, Desired::Paused, Desired::Paused, Desired::Active, Desired::Drained, Desired::Drained] {
        order(&site, &operator, "infra-1", desired).await;
    }
    let events: Vec<String> = sqlx::query_scalar(
        "SELECT actor || ' ' || event || ' ' || (data ->> 'reason') FROM audit_log
        WHERE event IN ('agent.paused', 'agent.resumed', 'agent.drained') ORDER BY seq",
    )
    .fetch_all(site.app.pool())
    .await
    .expect("the audit log reads");
    assert_eq!(events, ["ann agent.paused new disk", "ann agent.resumed new disk", "ann agent.drained new disk"]);
    let shown = agents::list(site.app.pool(), &site.app.context.settings.kinds, Some("infra-1")).await.expect("reads").remove(0);
    assert_eq!((shown.desired.as_str(), shown.ends, shown.desired_reason.as_str()), ("drained", true, "new disk"));
    let unknown = order_agent::run(&site.app.context, &operator, "infra-9", Desired::Paused, "").await.expect_err("nobody");
    assert_eq!(unknown.code, ErrorCode::AgentNotFound);
}

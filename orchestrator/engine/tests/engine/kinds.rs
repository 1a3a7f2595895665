//! Agents and work of a kind that this orchestrator does not know, while one of a newer version that knows it may run beside it.

use std::sync::Arc;

use chiffon_engine::chores::dispatcher::Dispatcher;
use chiffon_engine::store::read::tasks;
use chiffon_engine::verbs as engine;
use chiffon_fleet::store::read::agents;
use chiffon_harness::site::{Site, action, id, step};
use chiffon_harness::wire::WireAgent;
use chiffon_kernel::chores::Chore as _;
use chiffon_protocol::canonical;
use chiffon_protocol::kind::{Kind, Kinds, Queues};
use chiffon_protocol::message::{AnnouncedAction, Outcome};
use chiffon_protocol::topology::{CLAIMS, QueueType, Topology};
use serde_json::Value;
use uuid::Uuid;

fn lighthouse() -> Kind {
    let name = "lighthouse".parse().expect("a kind's name");
    Kind { name, about: "Keeps a light", queues: Queues::Shared, at_once: 1, schemes: &["agent"] }
}

/// An agent of that kind that reaches `nas` and `web`, and has said hello.
async fn keeper(site: &Site) -> WireAgent {
    let mut agent = WireAgent::silent(site, "keeper", "cape", &site.keys[1], 1).await;
    agent.hello.agent_type = lighthouse().name;
    let mut spec = action();
    spec.agent_type = lighthouse().name;
    agent.hello.actions = vec![AnnouncedAction { sha256: canonical::sha256_hex(&spec), spec }];
    agent.say(CLAIMS, agent.hello.clone()).await;
    site.turn().await;
    agent
}

/// A step for it.
fn light(step_id: &str, host: &str) -> Value {
    let mut spec = action();
    spec.agent_type = lighthouse().name;
    let mut step = step(step_id, host, &[]);
    step["agent_type"] = "lighthouse".into();
    step["action_sha256"] = canonical::sha256_hex(&spec).into();
    step
}

/// The dispatcher of an orchestrator on the same database that knows the kind.
async fn newer(site: &Site) -> Dispatcher {
    let mut context = site.app.context.engine.clone();
    let mut settings: engine::Settings = (*context.settings).clone();
    settings.kernel.kinds = Kinds::default().iter().cloned().chain([lighthouse()]).collect();
    context.settings = Arc::new(settings);
    context.bus.declare(&Topology::of_agent(QueueType::Classic, &lighthouse(), "")).await.expect("its queue is declared");
    Dispatcher::new(context)
}

async fn told(site: &Site, request_id: Uuid) -> i64 {
    site.app.number("SELECT event_seq FROM streams WHERE id = $1", request_id).await
}

#[tokio::test]
async fn work_and_agents_of_an_unknown_kind_are_left_alone_and_everything_else_goes_on() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    keeper(&site).await;
    let mut infra = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let dark = site.approved(&[light("light", "nas"), step("after", "web", &["light"])]).await;
    let request_id = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;

    let work = infra.take(&site).await;
    infra.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.status(request_id, "one").await, "completed");

    let why = "it is for agents of the kind lighthouse, and this orchestrator knows only desktop, infrastructure; one of a newer version may know it";
    let task = site.task(dark, "light").await;
    assert_eq!((task["status"].as_str(), task["waiting_for"]["text"].as_str()), (Some("waiting"), Some(why)));
    let kinds = &site.app.context.settings.kinds;
    let shown = tasks::get(site.app.pool(), kinds, id(&task)).await.expect("it reads").expect("it is there");
    assert_eq!(shown.task.waiting_for.expect("it waits").text, why, "an answer says the same");
    let before = told(&site, dark).await;
    site.turn().await;
    assert_eq!(told(&site, dark).await, before, "it is said once");

    let agents = agents::list(site.app.pool(), kinds, None).await.expect("they read");
    let left_alone: Vec<_> = agents.iter().map(|agent| (agent.agent_id.as_str(), agent.left_alone.as_deref())).collect();
    let words = "this orchestrator knows no agents of the kind lighthouse, and gives them no work";
    assert_eq!(left_alone, [("infra-1", None), ("keeper", Some(words))]);
}

#[tokio::test]
async fn an_orchestrator_that_knows_the_kind_gives_the_work_out_and_one_beside_it_that_does_not_takes_nothing_back() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    let newer = newer(&site).await;
    keeper(&site).await;
    let infra = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let first = site.approved(&[light("one", "nas")]).await;
    let second = site.approved(&[light("two", "nas")]).await;
    let third = site.approved(&[step("three", "nas", &[])]).await;
    sqlx::query("UPDATE tasks SET priority = 9 WHERE request_id IN ($1, $2)")
        .bind(first)
        .bind(second)
        .execute(site.app.pool())
        .await
        .expect("stored");
    newer.tick().await.expect("it looks");
    assert_eq!(site.status(first, "one").await, "dispatched");
    let waits = site.task(second, "two").await;
    assert_eq!((waits["wait_key"].as_str(), site.task(third, "three").await["wait_key"].as_str()), (Some("host:nas"), Some("host:nas")));
    site.turn().await;
    assert_eq!(site.task(second, "two").await["waiting_for"], waits["waiting_for"], "what the newer one has said stays");
    assert_eq!(site.app.context.bus.depth("agent.lighthouse").await.expect("the queue is there").0, 1);

    // The host is free again, and the first who waits for it is of the kind that the older one does not know.
    sqlx::query("DELETE FROM host_locks").execute(site.app.pool()).await.expect("given back");
    sqlx::query("UPDATE task_attempts SET finished_at = now(), outcome = 'not_started'").execute(site.app.pool()).await.expect("ended");
    site.turn().await;
    assert_eq!(infra.work().await.expect("those behind it are looked at").request.step_id, "three");
    assert_eq!(site.status(second, "two").await, "waiting");
}

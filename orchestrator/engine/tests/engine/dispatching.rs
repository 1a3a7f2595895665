//! What goes when, and what says why it waits (RELIABILITY 9 and 12).

use chiffon_engine::verbs::unclaimed::Offers;
use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::WireAgent;
use chiffon_kernel::verbs::returned::Returned as _;
use chiffon_protocol::Message;
use chiffon_protocol::message::{Availability, Heartbeat, Outcome};
use chiffon_protocol::topology::HEARTBEATS;
use serde_json::json;

#[tokio::test]
async fn without_an_agent_it_waits_and_says_so_until_one_says_hello() {
    let site = Site::start().await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let task = site.task(request_id, "web").await;
    assert_eq!(task["status"], "waiting");
    assert_eq!(
        task["waiting_for"]["text"],
        "no infrastructure agent is connected, and none ever was; start one with `chiffon agent infrastructure`"
    );
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    assert!(agent.work().await.is_some());
    let request = site.app.text("SELECT waiting_for::text FROM requests WHERE id = $1", request_id).await;
    assert_eq!(request, None, "the request does not wait any more");
}

#[tokio::test]
async fn a_reason_that_has_not_changed_is_written_once() {
    let site = Site::start().await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let events = site.app.number("SELECT event_seq FROM streams WHERE id = $1", request_id).await;
    site.turn().await;
    assert_eq!(site.app.number("SELECT event_seq FROM streams WHERE id = $1", request_id).await, events);
}

#[tokio::test]
async fn independent_steps_run_side_by_side_and_dependent_ones_after() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[]), step("two", "web", &[]), step("last", "nas", &["one", "two"])]).await;
    site.turn().await;
    let one = agent.take(&site).await;
    let two = agent.take(&site).await;
    assert!(agent.work().await.is_none());
    agent.finish(&one, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.status(request_id, "last").await, "pending");
    agent.finish(&two, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(agent.work().await.expect("the last goes out").request.step_id, "last");
}

#[tokio::test]
async fn outputs_of_earlier_steps_are_filled_in_and_recorded() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut proxy = step("proxy", "web", &["app"]);
    proxy["parameters"]["upstream"] = json!("${steps.app.outputs.url}");
    let request_id = site.approved(&[step("app", "nas", &[]), proxy]).await;
    site.turn().await;
    let app = agent.take(&site).await;
    agent.finish(&app, Outcome::Succeeded).await;
    site.turn().await;
    let work = agent.work().await.expect("the second step goes out");
    assert_eq!(work.request.parameters["upstream"], "http://nas:3001");
    assert_eq!(site.task(request_id, "proxy").await["resolved_parameters"]["upstream"], "http://nas:3001");
}

#[tokio::test]
async fn an_output_that_is_not_there_fails_the_step_that_needs_it() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut proxy = step("proxy", "web", &["app"]);
    proxy["parameters"]["upstream"] = json!("${steps.app.outputs.address}");
    let request_id = site.approved(&[step("app", "nas", &[]), proxy, step("after", "nas", &["proxy"])]).await;
    site.turn().await;
    let app = agent.take(&site).await;
    agent.finish(&app, Outcome::Succeeded).await;
    site.turn().await;
    let failed = site.task(request_id, "proxy").await;
    assert_eq!((failed["status"].as_str(), failed["error"]["code"].as_u64()), (Some("failed"), Some(5509)));
    assert_eq!(site.status(request_id, "after").await, "skipped");
    assert_eq!(site.app.status(request_id).await, "failed");
}

#[tokio::test]
async fn two_tasks_never_change_one_host_at_the_same_time() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let first = site.approved(&[step("one", "nas", &[])]).await;
    site.app.clock.advance(std::time::Duration::from_secs(1));
    let second = site.approved(&[step("two", "nas", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    assert_eq!(work.request.step_id, "one", "the older goes first");
    assert!(agent.work().await.is_none());
    let task_id = work.request.task_id;
    let waits = site.task(second, "two").await;
    assert_eq!(waits["waiting_for"]["text"], format!("host nas is being changed by task {task_id} (Set up one on nas)"));
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(first).await, "completed");
    assert_eq!(agent.work().await.expect("now it goes").request.step_id, "two");
    assert_eq!(site.locked_hosts().await, ["nas"]);
}

#[tokio::test]
async fn what_has_no_queue_waits_a_moment_and_is_offered_again() {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.work().await.expect("it is offered");
    let offers = Offers::new(site.app.context.engine.clone());
    offers.returned(work.request.task_id, 1, 1).await.expect("it is taken back");
    site.turn().await;
    assert!(agent.work().await.is_none(), "not at once: that would be a loop");
    let task = site.task(request_id, "web").await;
    assert_eq!(
        (task["status"].as_str(), task["waiting_for"]["what"].as_str(), task["offer"].as_i64()),
        (Some("waiting"), Some("route"), Some(2))
    );
    offers.returned(work.request.task_id, 1, 1).await.expect("an old offer changes nothing");
    site.let_offers_expire();
    site.turn().await;
    assert_eq!(agent.work().await.expect("it is offered again").request.offer, 2);
}

#[tokio::test]
async fn what_does_not_fit_waits_until_a_heartbeat_shows_room() {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    agent.beat(1, &[]).await;
    site.turn().await;
    let mut big = step("big", "nas", &[]);
    big["resources_required"] = json!({"memory_gb": 12.0});
    let request_id = site.approved(&[big]).await;
    site.turn().await;
    let task = site.task(request_id, "big").await;
    assert_eq!(task["waiting_for"]["text"], "memory: needs 12 GiB, infra-1 has 8 GiB free");
    let roomy = Heartbeat {
        agent_id: "infra-1".to_owned(),
        incarnation: 1,
        seq: 2,
        memory: chiffon_protocol::message::Memory { total_mb: 16_384, available_mb: 15_000 },
        ..Heartbeat::default()
    };
    agent.say(HEARTBEATS, roomy).await;
    site.turn().await;
    assert!(agent.work().await.is_some());
}

#[tokio::test]
async fn an_agent_that_its_owner_has_paused_gets_nothing() {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let paused =
        Heartbeat { agent_id: "infra-1".to_owned(), incarnation: 1, seq: 1, availability: Availability::Paused, ..Heartbeat::default() };
    agent.say(HEARTBEATS, paused).await;
    site.turn().await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    assert_eq!(site.task(request_id, "web").await["waiting_for"]["text"], "infra-1 is paused");
}

#[tokio::test]
async fn only_an_approved_plan_is_applied() {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    sqlx::query("UPDATE plans SET state = 'proposed' WHERE request_id = $1")
        .bind(request_id)
        .execute(site.app.pool())
        .await
        .expect("stored");
    site.turn().await;
    assert!(agent.work().await.is_none());
    assert_eq!(site.status(request_id, "web").await, "pending");
}

#[tokio::test]
async fn an_agent_that_did_not_start_it_gets_a_new_attempt() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.finish(&work, Outcome::NotStarted).await;
    site.turn().await;
    assert!(matches!(agent.hear().await, Message::ResultAck(ack) if ack.result_stored));
    let again = agent.take(&site).await;
    assert_eq!((again.request.attempt, again.request.offer), (2, 1));
    assert_eq!(site.audited(request_id, "task.not_started").await, 1);
}

#[tokio::test]
async fn two_dispatchers_at_once_offer_a_task_once() {
    use chiffon_engine::verbs::dispatch;
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[]), step("two", "nas", &[]), step("three", "web", &[])]).await;
    let context = &site.app.context;
    let (first, second, third) = tokio::join!(dispatch::run(context), dispatch::run(context), dispatch::run(context));
    let offered = [first, second, third].map(|offered| offered.expect("they look")).iter().sum::<usize>();
    assert_eq!(offered, 2, "one for each host");
    site.turn().await;
    assert_eq!(site.audited(request_id, "task.offered").await, 2);
    agent.take(&site).await;
    agent.take(&site).await;
    assert!(agent.work().await.is_none());
}

//! A panic ends the one delivery, look or round in which it happens, and is shown; what stands beside it goes on (RELIABILITY 3).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chiffon_bus::{Delivery, Verdict};
use chiffon_harness::app::TestApp;
use chiffon_harness::site::Site;
use chiffon_harness::wire::WireAgent;
use chiffon_kernel::chores::{self, Chore, TickReport};
use chiffon_kernel::deliveries::{self, Inbox};
use chiffon_kernel::domain::role::Role;
use chiffon_planning::planner::{Planned, Planner, PlanningInput};
use chiffon_process::Spawner;
use chiffon_protocol::Problem;
use chiffon_protocol::topology::RESULTS;
use chiffon_requests::verbs::submit::{self, Submit};
use chiffon_testkit::until;
use tokio::sync::Notify;

/// Panics upon one delivery, and takes all others.
#[derive(Debug)]
struct Fragile;

#[async_trait]
impl Inbox for Fragile {
    fn queue(&self) -> &'static str {
        RESULTS
    }

    fn batch(&self) -> usize {
        8
    }

    async fn handle(&self, deliveries: &[Delivery]) -> Result<Vec<Verdict>, Problem> {
        assert!(deliveries.iter().all(|delivery| delivery.body != "poison"), "byte index 1 is not a char boundary");
        Ok(vec![Verdict::Ack; deliveries.len()])
    }
}

#[tokio::test]
async fn a_delivery_upon_which_an_inbox_panics_is_dead_lettered_alone_with_its_reason() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    let agent = WireAgent::silent(&site, "infra-1", "infra-1", &site.keys[0], 1).await;
    for body in ["one", "poison", "two"] {
        agent.publish(RESULTS, body.into(), None).await;
    }
    let tasks = Spawner::new(site.app.context.shutdown.clone());
    deliveries::spawn(&tasks, &site.app.context, Arc::new(Fragile));
    until("only the one is dead-lettered, and nothing is left", Duration::from_secs(10), || async {
        let (left, _) = site.app.context.bus.depth(RESULTS).await.expect("the queue is there");
        let seen = (left, site.dead_letters().await);
        if seen == (0, 1) { Ok(()) } else { Err(seen) }
    })
    .await;
    let status = site.app.context.background.all().remove(RESULTS).expect("it is shown");
    let problem = status.error.expect("with its reason");
    assert_eq!(problem.code.number(), 5900);
    assert!(problem.message.contains("byte index 1 is not a char boundary"), "{}", problem.message);
    assert!(!site.app.context.shutdown.is_stopping(), "the process lives");
    site.app.context.shutdown.stop();
    assert!(tasks.finish(Duration::from_secs(5)).await, "it stops");
}

/// Panics at its first look.
#[derive(Debug, Default)]
struct Nervous {
    wake: Notify,
    looked: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Chore for Nervous {
    fn name(&self) -> &'static str {
        "nervous"
    }

    fn wake(&self) -> &Notify {
        &self.wake
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        assert!(self.looked.swap(true, std::sync::atomic::Ordering::SeqCst), "the first look fails");
        Ok(TickReport::of(1))
    }
}

#[tokio::test]
async fn a_look_that_panics_is_a_failed_look_and_the_next_one_is_made() {
    let app = TestApp::start().await;
    let nervous = Arc::new(Nervous::default());
    chores::look(&app.context, nervous.as_ref()).await;
    let failed = app.context.background.all().remove("nervous").expect("it is shown");
    assert_eq!((failed.failures, failed.error.map(|problem| problem.code.number())), (1, Some(5900)));
    chores::look(&app.context, nervous.as_ref()).await;
    let well = app.context.background.all().remove("nervous").expect("it is shown");
    assert_eq!((well.done, well.failures, well.error), (1, 1, None));
}

/// A planner with a mistake.
#[derive(Debug)]
struct Mistaken;

#[async_trait]
impl Planner for Mistaken {
    async fn plan(&self, _: &PlanningInput) -> Result<Planned, Problem> {
        panic!("a mistake in the planner")
    }

    fn health(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_round_in_which_the_planner_panics_is_tried_again_and_then_fails_with_the_reason() {
    let mut app = TestApp::start().await;
    app.announce_actions().await;
    app.context.planner = Arc::new(Mistaken);
    let ann = app.person("ann", Role::Requester).await;
    let input = Submit { text: "restart the service nginx on nas".to_owned(), ..Submit::default() };
    let request_id = submit::run(&app.context, &ann, input).await.expect("it is taken").request_id;
    for _ in 0..app.context.settings.planning_tries {
        assert_eq!(app.status(request_id).await, "planning");
        app.clock.advance(Duration::from_mins(5));
        app.plan().await;
    }
    assert_eq!(app.status(request_id).await, "failed");
    let error = app.text("SELECT error ->> 'code' || ' ' || (error ->> 'message') FROM requests WHERE id = $1", request_id).await;
    assert!(error.as_deref().is_some_and(|error| error.starts_with("5900") && error.contains("a mistake in the planner")), "{error:?}");
    assert!(!app.context.shutdown.is_stopping(), "the process lives");
}

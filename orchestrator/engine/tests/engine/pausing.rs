//! How an inbox treats trouble: what passes is waited for in place, what is poison goes alone (RELIABILITY 3).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chiffon_bus::{Delivery, Verdict};
use chiffon_harness::site::Site;
use chiffon_harness::wire::WireAgent;
use chiffon_kernel::deliveries::{self, Inbox};
use chiffon_process::Spawner;
use chiffon_protocol::topology::RESULTS;
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_testkit::until;

/// Has trouble that passes with the first deliveries, and can't deal with one that says `poison`.
#[derive(Debug, Default)]
struct Troubled {
    troubles_left: AtomicUsize,
    redelivered: AtomicUsize,
    taken: AtomicUsize,
}

#[async_trait]
impl Inbox for Troubled {
    fn queue(&self) -> &'static str {
        RESULTS
    }

    fn batch(&self) -> usize {
        8
    }

    async fn handle(&self, deliveries: &[Delivery]) -> Result<Vec<Verdict>, Problem> {
        if self.troubles_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(match self.troubles_left.load(Ordering::SeqCst) {
                0 => Problem::new(ErrorCode::DatabaseUnavailable, "the database is away"),
                1 => Problem::new(ErrorCode::DatabaseDoesNotFit, "relation \"results\" does not exist"),
                _ => Problem::new(ErrorCode::DatabaseUrlInvalid, "the database does not take this process's password any more"),
            });
        }
        if deliveries.iter().any(|delivery| delivery.body == "poison") {
            return Err(Problem::new(ErrorCode::Internal, "this can't be stored"));
        }
        self.redelivered.fetch_add(deliveries.iter().filter(|delivery| delivery.redelivered).count(), Ordering::SeqCst);
        self.taken.fetch_add(deliveries.len(), Ordering::SeqCst);
        Ok(vec![Verdict::Ack; deliveries.len()])
    }
}

#[tokio::test]
async fn trouble_that_passes_is_waited_for_in_place_and_poison_goes_alone() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    let agent = WireAgent::silent(&site, "infra-1", "infra-1", &site.keys[0], 1).await;
    for body in ["one", "poison", "two"] {
        agent.publish(RESULTS, body.into(), None).await;
    }
    let troubled = Arc::new(Troubled { troubles_left: AtomicUsize::new(3), ..Troubled::default() });
    let tasks = Spawner::new(site.app.context.shutdown.clone());
    deliveries::spawn(&tasks, &site.app.context, Arc::clone(&troubled) as Arc<dyn Inbox>);
    until("the good ones are taken and the bad one is dead-lettered", Duration::from_secs(10), || async {
        let seen = (troubled.taken.load(Ordering::SeqCst), site.dead_letters().await);
        if seen == (2, 1) { Ok(()) } else { Err(seen) }
    })
    .await;
    assert_eq!(troubled.redelivered.load(Ordering::SeqCst), 0, "nothing went back to the queue meanwhile");
    site.app.context.shutdown.stop();
    assert!(tasks.finish(Duration::from_secs(5)).await, "it stops");
}

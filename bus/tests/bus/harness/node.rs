//! A RabbitMQ that a test may kill, freeze and push around.

use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::rabbit::{RabbitBus, RabbitOptions};
use chiffon_bus::{Bus, Status};
use chiffon_nodes::RabbitNode;
use chiffon_process::{Shutdown, Spawner};
use tokio::time::timeout;

use super::LONG;

/// Quicker than the usual times, so that an outage is soon noticed.
pub fn options(url: &str) -> RabbitOptions {
    RabbitOptions { publish_timeout: Duration::from_secs(5), heartbeat: Duration::from_secs(2), ..RabbitOptions::new(url, "conformance") }
}

/// Shows the bus's log in the output of a failed test.
pub fn log_to_the_test() {
    let filter = tracing_subscriber::EnvFilter::new("warn,chiffon_bus=debug");
    // Tests of one process share it; only the first one sets it.
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init());
}

/// A private node.
pub struct Node {
    pub broker: RabbitNode,
    tasks: Spawner,
}

impl Node {
    /// One that is removed at the end.
    pub async fn start() -> Self {
        log_to_the_test();
        Self { broker: RabbitNode::start_temporary().await.unwrap(), tasks: Spawner::new(Shutdown::new()) }
    }

    /// A connection that is made whether the broker runs or not.
    pub fn begin(&self) -> Arc<dyn Bus> {
        RabbitBus::start(options(&self.broker.amqp_url("/")), &self.tasks).unwrap()
    }

    /// A connection that is there.
    pub async fn connect(&self) -> Arc<dyn Bus> {
        let bus = self.begin();
        reaches(bus.as_ref(), "connected", |status| *status == Status::Connected).await;
        bus
    }

    /// Runs `rabbitmqctl` against the node.
    pub async fn ctl(&self, arguments: &[&str]) {
        self.broker.ctl(arguments).await.unwrap();
    }
}

/// Waits for a status.
pub async fn reaches(bus: &dyn Bus, what: &str, fits: impl FnMut(&Status) -> bool) -> Status {
    let mut status = bus.status();
    let reached = timeout(LONG, status.wait_for(fits)).await.map(|reached| reached.unwrap().clone());
    reached.unwrap_or_else(|_| panic!("the bus was not {what} within {LONG:?}; last: {:?}", *status.borrow()))
}

//! A fresh broker for each test, and the few things that nearly every test says.

mod broker;
mod mute;
mod node;
mod wait;

use std::collections::BTreeMap;

use bytes::Bytes;
use chiffon_bus::{Bus, Outgoing, Published};
use chiffon_protocol::kind::{DESKTOP, Kinds};
use chiffon_protocol::topology::{self, Argument, Queue, QueueType, Topology, WORK_EXCHANGE};

pub use broker::Broker;
pub use mute::{Lost, Mute};
pub use node::{Node, log_to_the_test, options, reaches};
pub use wait::{LONG, comes, eventually, nothing_comes, ready};

/// The queue of [`work`].
pub const QUEUE: &str = "agent.desktop.test";

/// One queue with all exchanges.
pub fn work() -> Topology {
    Topology::of_agent(QueueType::Quorum, &DESKTOP, "test")
}

/// The same with other arguments.
pub fn work_with(arguments: &[(&str, i64)]) -> Topology {
    let mut topology = work();
    for (name, value) in arguments {
        topology.queues[0].arguments.insert((*name).to_owned(), Argument::Number(*value));
    }
    topology
}

/// One of the queues that every installation has, with all exchanges.
pub fn only(name: &str) -> Topology {
    let mut topology = Topology::shared(QueueType::Quorum, &Kinds::default());
    topology.queues.retain(|queue| queue.name == name);
    assert_eq!(topology.queues.len(), 1, "there is no queue `{name}` in the shared topology");
    topology
}

/// The same, changed.
pub fn only_with(name: &str, change: impl FnOnce(&mut Queue)) -> Topology {
    let mut topology = only(name);
    change(&mut topology.queues[0]);
    topology
}

/// A message for [`QUEUE`] whose id is also its body.
pub fn message(id: &str) -> Outgoing {
    message_to(QUEUE, id)
}

/// A message for a queue on the work exchange.
pub fn message_to(queue: &str, id: &str) -> Outgoing {
    Outgoing {
        exchange: WORK_EXCHANGE.to_owned(),
        routing_key: queue.to_owned(),
        message_id: id.to_owned(),
        correlation_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        headers: BTreeMap::new(),
        body: Bytes::from(id.to_owned()),
        transient: queue == topology::HEARTBEATS,
    }
}

/// Publishes messages with these ids to [`QUEUE`], one after the other.
pub async fn publish(bus: &dyn Bus, ids: &[&str]) {
    for id in ids {
        assert_eq!(bus.publish(message(id)).await.unwrap(), Published::Routed, "message {id}");
    }
}

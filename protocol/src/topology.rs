//! Exchanges and queues as data: what `chiffon topology apply` declares and what the tests compare with the broker's own report.
//!
//! Every argument stands with its reason. It must work unchanged on RabbitMQ 3.10 to 4.x (RELIABILITY 24):
//! classic queues refuse `x-delivery-limit`, and unknown arguments on quorum queues are accepted silently.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kind::{Kind, Kinds, Queues};

/// The direct exchange through which all work goes.
pub const WORK_EXCHANGE: &str = "chiffon.work";
/// The topic exchange that reaches one agent.
pub const CONTROL_EXCHANGE: &str = "chiffon.control";
/// Where rejected messages go.
pub const DEAD_EXCHANGE: &str = "chiffon.dead";
/// Requests that want a plan.
pub const REQUESTS: &str = "orchestrator.requests";
/// `work_result` and `error`.
pub const RESULTS: &str = "orchestrator.results";
/// `work_status`.
pub const STATUS: &str = "orchestrator.status";
/// `work_claim`, `work_decline` and `agent_hello`.
pub const CLAIMS: &str = "orchestrator.claims";
/// `heartbeat`.
pub const HEARTBEATS: &str = "orchestrator.heartbeats";
/// What was rejected.
pub const DEAD_LETTERS: &str = "chiffon.dead-letters";
/// The header that says why a message was rejected.
pub const REASON_HEADER: &str = "chiffon-reason";
/// The header with the number of the error code for which a message was rejected.
pub const CODE_HEADER: &str = "chiffon-code";
/// The header that names the queue a rejected message came from.
pub const ORIGIN_HEADER: &str = "chiffon-queue";

/// The header of a message that is sent again: the id of the dead letter that it was.
pub const REPLAY_OF_HEADER: &str = "chiffon-replay-of";

/// The queue on which one start of one agent is answered.
pub fn control_queue(agent_id: &str, incarnation: u64) -> String {
    format!("agent.control.{agent_id}.{incarnation}")
}

/// Which implementation the durable queues use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueType {
    /// Replicated, fsynced, with a delivery limit.
    #[default]
    Quorum,
    /// For single small brokers.
    Classic,
}

/// A value of a queue's argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Argument {
    /// A word.
    Text(String),
    /// A number.
    Number(i64),
}

/// An exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// `direct | topic | fanout`.
    pub kind: &'static str,
}

/// A queue with its binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Survives a restart of the broker.
    pub durable: bool,
    /// Belongs to one connection and goes with it.
    pub exclusive: bool,
    /// Arguments as the broker reports them.
    pub arguments: BTreeMap<String, Argument>,
    /// The exchange it is bound to.
    pub exchange: String,
    /// The binding's key.
    pub routing_key: String,
}

/// All that has to exist on the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Topology {
    /// Exchanges, declared first.
    pub exchanges: Vec<Exchange>,
    /// Queues, each bound once.
    pub queues: Vec<Queue>,
}

impl Topology {
    /// What every installation has: the orchestrators' queues, and those that all agents of a kind share.
    pub fn shared(queue_type: QueueType, kinds: &Kinds) -> Self {
        Self::with_work_of(queue_type, kinds.iter())
    }

    /// What an agent of a kind needs on this machine. Where any of them may be the first that finds the broker, the orchestrators'
    /// queues, too, so that its hello waits there; the agent of one machine has its own queue.
    pub fn of_agent(queue_type: QueueType, kind: &Kind, hostname: &str) -> Self {
        match kind.queues {
            Queues::Shared => Self::with_work_of(queue_type, [kind]),
            Queues::PerHost => Self { exchanges: exchanges(), queues: vec![work_queue(queue_type, &kind.queue(hostname))] },
        }
    }

    fn with_work_of<'k>(queue_type: QueueType, kinds: impl IntoIterator<Item = &'k Kind>) -> Self {
        let work = |name: &str| work_queue(queue_type, name);
        let of_kinds = kinds.into_iter().filter(|kind| kind.queues == Queues::Shared).map(|kind| work(&kind.queue("")));
        let mut queues = vec![work(REQUESTS)];
        queues.extend(of_kinds);
        queues.extend([work(RESULTS), status_queue(queue_type), work(CLAIMS), heartbeat_queue(queue_type), dead_letter_queue(queue_type)]);
        Self { exchanges: exchanges(), queues }
    }

    /// What one start of an agent adds: an exclusive queue under a name that no earlier start used,
    /// because the queue of a half-open connection still holds its own.
    pub fn control(agent_id: &str, incarnation: u64) -> Self {
        let name = control_queue(agent_id, incarnation);
        Self {
            exchanges: exchanges(),
            queues: vec![Queue {
                routing_key: name.clone(),
                name,
                durable: false,
                exclusive: true,
                // Said, because from 4.0 on the broker says it, and a virtual host may have another default.
                arguments: BTreeMap::from([("x-queue-type".to_owned(), Argument::Text("classic".to_owned()))]),
                exchange: CONTROL_EXCHANGE.to_owned(),
            }],
        }
    }
}

fn exchanges() -> Vec<Exchange> {
    vec![
        Exchange { name: WORK_EXCHANGE.to_owned(), kind: "direct" },
        Exchange { name: CONTROL_EXCHANGE.to_owned(), kind: "topic" },
        Exchange { name: DEAD_EXCHANGE.to_owned(), kind: "fanout" },
    ]
}

fn queue(queue_type: QueueType, name: &str, extra: &[(&str, Argument)]) -> Queue {
    let mut arguments: BTreeMap<String, Argument> = extra.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    // https://www.rabbitmq.com/docs/quorum-queues: the type is fixed at declaration.
    let kind = match queue_type {
        QueueType::Quorum => "quorum",
        QueueType::Classic => "classic",
    };
    arguments.insert("x-queue-type".to_owned(), Argument::Text(kind.to_owned()));
    Queue {
        name: name.to_owned(),
        durable: true,
        exclusive: false,
        arguments,
        exchange: WORK_EXCHANGE.to_owned(),
        routing_key: name.to_owned(),
    }
}

fn work_queue(queue_type: QueueType, name: &str) -> Queue {
    // Where the broker puts what it gives up on: https://www.rabbitmq.com/docs/dlx.
    let mut extra = vec![("x-dead-letter-exchange", Argument::Text(DEAD_EXCHANGE.to_owned()))];
    if queue_type == QueueType::Quorum {
        // A message that kills its consumer must not circle for ever; dropped connections count too, so the limit is generous:
        // https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling.
        extra.push(("x-delivery-limit", Argument::Number(20)));
    }
    queue(queue_type, name, &extra)
}

fn status_queue(queue_type: QueueType) -> Queue {
    // Progress is bounded: the journal keeps log events until they are acknowledged, so what is dropped here is sent again.
    let mut status = work_queue(queue_type, STATUS);
    status.arguments.insert("x-max-length".to_owned(), Argument::Number(100_000));
    status.arguments.insert("x-overflow".to_owned(), Argument::Text("drop-head".to_owned()));
    status.arguments.remove("x-dead-letter-exchange");
    status
}

fn heartbeat_queue(queue_type: QueueType) -> Queue {
    // An old heartbeat says nothing: it expires. Durable all the same, because RabbitMQ 4.3 refuses transient shared queues.
    queue(
        queue_type,
        HEARTBEATS,
        &[
            ("x-message-ttl", Argument::Number(30_000)),
            ("x-max-length", Argument::Number(20_000)),
            ("x-overflow", Argument::Text("drop-head".to_owned())),
        ],
    )
}

fn dead_letter_queue(queue_type: QueueType) -> Queue {
    let mut extra = Vec::new();
    if queue_type == QueueType::Quorum {
        // Looking at a message gives it back, which counts; from 4.0 on the default of 20 would throw away what was looked at often:
        // https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling.
        extra.push(("x-delivery-limit", Argument::Number(1_000_000)));
    }
    let mut dead = queue(queue_type, DEAD_LETTERS, &extra);
    DEAD_EXCHANGE.clone_into(&mut dead.exchange);
    dead
}

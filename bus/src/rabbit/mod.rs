//! The RabbitMQ driver, on lapin. One connection publishes, one consumes; a supervisor rebuilds both when either breaks,
//! declares again what was declared, and every subscription subscribes again.
//!
//! lapin's own recovery stays off: it leaves a consumer hanging for ever after a channel-level close, and it hides outages.

mod consume;
mod convert;
mod declare;
mod link;
mod publish;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chiffon_process::Tasks;
use chiffon_protocol::topology::Topology;
use lapin::uri::AMQPUri;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{Bus, BusError, Consumer, Delivery, Outgoing, Published, Status};
use link::Link;

/// How to reach a RabbitMQ.
#[derive(Debug, Clone)]
pub struct RabbitOptions {
    /// `amqp://user:password@host:5672/vhost`, or `amqps://`.
    pub url: String,
    /// The name that the broker shows for the connections.
    pub connection_name: String,
    /// A publish that is not confirmed by then has failed.
    pub publish_timeout: Duration,
    /// A broker that is silent for two of these counts as gone.
    pub heartbeat: Duration,
}

impl RabbitOptions {
    /// The usual times for this address.
    pub fn new(url: impl Into<String>, connection_name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connection_name: connection_name.into(),
            publish_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(10),
        }
    }
}

/// What the supervisor, publishers and consumers share.
#[derive(Debug)]
struct Shared {
    options: RabbitOptions,
    uri: AMQPUri,
    link: watch::Sender<Option<Arc<Link>>>,
    status: watch::Sender<Status>,
    topologies: Mutex<Vec<Topology>>,
    /// Somebody has seen the link broken.
    broken: Notify,
    closed: CancellationToken,
    tasks: Tasks,
}

/// A connection to a RabbitMQ that comes back by itself.
#[derive(Debug)]
pub struct RabbitBus {
    shared: Arc<Shared>,
}

impl RabbitBus {
    /// Starts connecting in the background; a broker that is down is no error, an address that can't be read is.
    pub fn start(options: RabbitOptions, tasks: &Tasks) -> Result<Arc<dyn Bus>, BusError> {
        let uri = convert::address(&options)?;
        let shared = Arc::new(Shared {
            uri,
            link: watch::Sender::new(None),
            status: watch::Sender::new(Status::Disconnected("connecting".to_owned())),
            topologies: Mutex::default(),
            broken: Notify::new(),
            closed: CancellationToken::new(),
            tasks: tasks.clone(),
            options,
        });
        tasks.spawn("bus-supervisor", link::supervise(shared.clone()));
        Ok(Arc::new(Self { shared }))
    }
}

impl Shared {
    /// The current link; waits for one as long as a publish may take.
    async fn link(&self) -> Result<Arc<Link>, BusError> {
        if self.closed.is_cancelled() {
            return Err(BusError::Closed);
        }
        let mut links = self.link.subscribe();
        let waiting = async { links.wait_for(Option::is_some).await.ok().and_then(|link| link.clone()) };
        match timeout(self.options.publish_timeout, waiting).await {
            Ok(Some(link)) => Ok(link),
            Ok(None) => Err(BusError::Closed),
            Err(_) => Err(BusError::Unavailable(self.why())),
        }
    }

    fn why(&self) -> String {
        match &*self.status.borrow() {
            Status::Connected => "it did not answer in time".to_owned(),
            Status::Disconnected(reason) | Status::Blocked(reason) => reason.clone(),
        }
    }

    fn remember(&self, topology: &Topology) {
        let mut topologies = self.topologies.lock().unwrap_or_else(PoisonError::into_inner);
        if !topologies.contains(topology) {
            topologies.push(topology.clone());
        }
    }

    fn remembered(&self) -> Vec<Topology> {
        self.topologies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Bus for RabbitBus {
    async fn declare(&self, topology: &Topology) -> Result<(), BusError> {
        let link = self.shared.link().await?;
        declare::on(&link.consuming, topology).await?;
        self.shared.remember(topology);
        Ok(())
    }

    async fn publish(&self, message: Outgoing) -> Result<Published, BusError> {
        publish::confirmed(&self.shared, message).await
    }

    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, BusError> {
        if self.shared.closed.is_cancelled() {
            return Err(BusError::Closed);
        }
        Ok(consume::start(self.shared.clone(), queue, prefetch))
    }

    async fn peek(&self, queue: &str, limit: usize) -> Result<Vec<Delivery>, BusError> {
        consume::peek(&self.shared, queue, limit).await
    }

    async fn depth(&self, queue: &str) -> Result<(u32, u32), BusError> {
        let link = self.shared.link().await?;
        declare::depth(&link.consuming, queue).await
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    async fn close(&self, within: Duration) {
        self.shared.closed.cancel();
        let link = self.shared.link.send_replace(None);
        if let Some(link) = link {
            drop(timeout(within, link.close()).await);
        }
        self.shared.status.send_replace(Status::Disconnected("closed".to_owned()));
    }

    fn driver(&self) -> &'static str {
        "rabbitmq"
    }
}

impl Drop for RabbitBus {
    fn drop(&mut self) {
        self.shared.closed.cancel();
    }
}

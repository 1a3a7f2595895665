//! The RabbitMQ driver, on lapin. One connection publishes, one consumes, each under a supervisor of its own that brings it back,
//! declares again what was declared, and lets every subscription subscribe again.
//!
//! Nothing waits for the broker longer than the publish timeout, and nothing is promised that the broker has not confirmed.

mod consume;
mod convert;
mod declare;
mod failure;
mod link;
mod options;
mod publish;
mod settle;
mod upkeep;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chiffon_process::Spawner;
use chiffon_protocol::topology::Topology;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{Bus, BusError, Consumer, Delivery, Outgoing, Published, Status};
use declare::Wanted;
use link::{Health, Link, Role};
pub use options::RabbitOptions;
use publish::Publisher;
use settle::Settlements;

/// How long the connections get to say farewell when the bus is closed.
const FAREWELL: Duration = Duration::from_secs(2);

/// What supervisors, publishers and subscriptions share.
#[derive(Debug)]
struct Shared {
    consuming: Arc<Link>,
    publisher: Arc<Publisher>,
    wanted: Arc<Wanted>,
    settlements: Settlements,
    health: Arc<Health>,
    patience: Duration,
    /// How often what is missing is put back, and after how long a silence a subscription is made anew.
    look_after_every: Duration,
    /// Nothing new begins.
    closing: CancellationToken,
    /// Everything ends.
    closed: CancellationToken,
    /// The bus's own, so that a process can wait for its other tasks while it still has a bus.
    tasks: Spawner,
}

impl Shared {
    /// What the consuming connection is asked for, within the bus's patience.
    async fn within<T>(&self, asked: impl Future<Output = Result<T, BusError>>) -> Result<T, BusError> {
        if self.closing.is_cancelled() {
            return Err(BusError::Closed);
        }
        timeout(self.patience, asked).await.unwrap_or_else(|_| Err(self.consuming.trouble(self.patience)))
    }
}

/// A connection to a RabbitMQ that comes back by itself. Dropping it ends it without waiting for anything.
#[derive(Debug)]
pub struct RabbitBus {
    shared: Arc<Shared>,
}

impl RabbitBus {
    /// Begins to connect, in the background: a broker that is down is a status, an address that can't be read is an error.
    /// A panic in what carries the whole bus stops the process that these tasks belong to, with the reason.
    pub fn start(options: RabbitOptions, tasks: &Spawner) -> Result<Arc<dyn Bus>, BusError> {
        Ok(Arc::new(Self::begin(options, tasks)?))
    }

    /// Connects, and fails with the reason if that takes longer than the publish timeout.
    pub async fn connect(options: RabbitOptions, tasks: &Spawner) -> Result<Arc<dyn Bus>, BusError> {
        let bus = Self::begin(options, tasks)?;
        let mut status = bus.shared.health.status.subscribe();
        let connected = status.wait_for(|status| *status == Status::Connected);
        if timeout(bus.shared.patience, connected).await.is_ok() {
            return Ok(Arc::new(bus));
        }
        let reason = match &*bus.shared.health.status.borrow() {
            Status::Disconnected(reason) | Status::Blocked(reason) => reason.clone(),
            Status::Connected => return Err(BusError::Closed),
        };
        Err(BusError::Unavailable(reason))
    }

    fn begin(options: RabbitOptions, tasks: &Spawner) -> Result<Self, BusError> {
        let uris = options.uris()?;
        let RabbitOptions { connection_name, publish_timeout: patience, declare_again_every: look_after_every, .. } = options;
        let tasks = Spawner::new(tasks.shutdown().clone());
        let (health, closed, wanted) = (Health::new(), CancellationToken::new(), Arc::new(Wanted::new()));
        let publishing = Link::new(Role::Publish, uris.clone(), &connection_name, health.clone());
        let consuming = Link::new(Role::Consume, uris, &connection_name, health.clone());
        let publisher = Arc::new(Publisher::new(publishing.clone(), patience));
        let (settlements, verdicts) = mpsc::unbounded_channel();
        tasks.spawn_vital("bus-publishing", publishing.supervise(patience, None, closed.clone()));
        tasks.spawn_vital("bus-consuming", consuming.clone().supervise(patience, Some(wanted.clone()), closed.clone()));
        tasks.spawn_vital("bus-verdicts", settle::run(verdicts, publisher.clone(), patience, closed.clone()));
        let closing = CancellationToken::new();
        let shared =
            Arc::new(Shared { consuming, publisher, wanted, settlements, health, patience, look_after_every, closing, closed, tasks });
        let kept = Arc::clone(&shared);
        shared.tasks.spawn_loop("bus-upkeep", move || upkeep::run(Arc::clone(&kept)));
        Ok(Self { shared })
    }
}

#[async_trait]
impl Bus for RabbitBus {
    async fn declare(&self, topology: &Topology) -> Result<(), BusError> {
        let shared = &self.shared;
        // Remembered first: a connection that comes up between the two would miss it.
        let added = shared.wanted.add(topology);
        let declared = shared.within(async { declare::apply(&*shared.consuming.connected().await?, topology).await }).await;
        if matches!(declared, Err(BusError::Mismatch { .. } | BusError::Refused(_))) {
            shared.wanted.forget(&added);
        }
        declared
    }

    async fn publish(&self, message: Outgoing) -> Result<Published, BusError> {
        if self.shared.closing.is_cancelled() {
            return Err(BusError::Closed);
        }
        let publication = convert::publication(message);
        let answer = self.shared.publisher.send(&publication).await;
        if upkeep::mended(&self.shared, &publication.exchange, &publication.routing_key, &answer).await {
            return self.shared.publisher.send(&publication).await;
        }
        answer
    }

    async fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, BusError> {
        consume::subscribe(&self.shared, queue, prefetch).await
    }

    async fn peek(&self, queue: &str, limit: usize) -> Result<Vec<Delivery>, BusError> {
        self.shared.within(consume::peek(&self.shared, queue, limit)).await
    }

    async fn depth(&self, queue: &str) -> Result<(u32, u32), BusError> {
        let shared = &self.shared;
        shared.within(async { declare::depth(&*shared.consuming.connected().await?, queue).await }).await
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.shared.health.status.subscribe()
    }

    async fn close(&self, within: Duration) {
        let shared = &self.shared;
        shared.closing.cancel();
        if timeout(within, shared.publisher.finish()).await.is_err() {
            tracing::warn!("the bus was closed with confirms outstanding; they count as not sent");
        }
        shared.closed.cancel();
        shared.tasks.finish(FAREWELL).await;
    }

    fn driver(&self) -> &'static str {
        "rabbitmq"
    }
}

impl Drop for RabbitBus {
    fn drop(&mut self) {
        self.shared.closing.cancel();
        self.shared.closed.cancel();
    }
}

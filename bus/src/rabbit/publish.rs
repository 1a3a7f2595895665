//! Publishing: `mandatory`, confirmed, pipelined on one channel, and never longer than the timeout.

use std::time::Duration;
use std::{fmt, sync::Arc};

use bytes::Bytes;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::failure;
use super::link::Link;
use crate::{BusError, Published};

/// Before a message that found its channel closed looks for another.
const BREATH: Duration = Duration::from_millis(20);

/// A message as the client takes it.
#[derive(Debug)]
pub struct Publication {
    pub exchange: String,
    pub routing_key: String,
    pub properties: BasicProperties,
    pub body: Bytes,
}

/// The one channel that publishes, rebuilt when it is lost or says nothing any more.
pub struct Publisher {
    link: Arc<Link>,
    held: Mutex<Option<Held>>,
    timeout: Duration,
    under_way: TaskTracker,
}

/// A channel with the connection that it belongs to.
struct Held {
    connection: Arc<Connection>,
    channel: Arc<Channel>,
}

impl Held {
    fn serves(&self, connection: &Arc<Connection>) -> bool {
        Arc::ptr_eq(&self.connection, connection) && self.channel.status().connected()
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Publisher({} under way)", self.under_way.len())
    }
}

impl Publisher {
    pub fn new(link: Arc<Link>, timeout: Duration) -> Self {
        Self { link, held: Mutex::new(None), timeout, under_way: TaskTracker::new() }
    }

    /// Publishes and waits for the broker's answer.
    pub async fn send(&self, publication: &Publication) -> Result<Published, BusError> {
        let _under_way = self.under_way.token();
        let mut used = None;
        if let Ok(answer) = timeout(self.timeout, self.confirmed(publication, &mut used)).await {
            return answer;
        }
        if let Some(channel) = used {
            self.leave(&channel).await;
        }
        Err(self.link.trouble(self.timeout))
    }

    /// Resolves when nothing is under way any more.
    pub async fn finish(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }

    /// The broker's answer, and the channel on which it is waited for.
    async fn confirmed(&self, publication: &Publication, used: &mut Option<Arc<Channel>>) -> Result<Published, BusError> {
        let Publication { exchange, routing_key, properties, body } = publication;
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        loop {
            let channel = used.insert(self.channel().await?);
            let (to, key) = (exchange.as_str().into(), routing_key.as_str().into());
            let confirm = match channel.basic_publish(to, key, options, body, properties.clone()).await {
                Ok(confirm) => confirm,
                Err(error) if failure::is_unsent(&error) => {
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
                Err(error) => return Err(failure::of_publish(exchange, &error)),
            };
            return match confirm.await {
                Ok(Confirmation::Ack(None)) => Ok(Published::Routed),
                Ok(Confirmation::Ack(Some(_))) => Ok(Published::Unroutable),
                Ok(Confirmation::Nack(_)) => {
                    self.leave(channel).await;
                    Err(BusError::Refused(format!("`{routing_key}` took no message: it is full, or has just lost its leader")))
                }
                Ok(Confirmation::NotRequested) => Err(BusError::Unavailable("the channel gives no confirms".to_owned())),
                Err(error) => Err(failure::of_publish(exchange, &error)),
            };
        }
    }

    /// The next message gets a new channel; what is under way ends on this one. A channel that met a quorum queue between two leaders
    /// keeps asking the dead one and refuses for ever, or never answers (RabbitMQ 3.10).
    async fn leave(&self, channel: &Arc<Channel>) {
        self.held.lock().await.take_if(|held| Arc::ptr_eq(&held.channel, channel));
    }

    /// The channel, once the broker takes messages: what is handed to a blocked connection piles up in this process.
    async fn channel(&self) -> Result<Arc<Channel>, BusError> {
        // Nobody keeps others from leaving a channel while there is no connection.
        let connection = self.link.taking().await?;
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.serves(&connection)) {
            return Ok(Arc::clone(&held.channel));
        }
        let open = async {
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            lapin::Result::Ok(Arc::new(channel))
        };
        match open.await {
            Ok(channel) => {
                *held = Some(Held { connection, channel: Arc::clone(&channel) });
                Ok(channel)
            }
            Err(error) => {
                // The link has not noticed yet what this call has.
                tokio::time::sleep(BREATH).await;
                Err(BusError::Unavailable(error.to_string()))
            }
        }
    }
}

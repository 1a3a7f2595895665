//! The pair of connections, and the supervisor that keeps a pair alive.

use std::sync::Arc;
use std::time::Duration;

use chiffon_process::retry::Policy;
use lapin::options::ConfirmSelectOptions;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::time::timeout;

use super::{Shared, declare};
use crate::{BusError, Status};

/// How often the supervisor looks at the connections: lapin announces a return, but not a loss.
const LOOK: Duration = Duration::from_millis(250);

/// A live pair.
#[derive(Debug)]
pub struct Link {
    /// Publishes, with confirms.
    pub publishing: Channel,
    /// Consumes, and owns exclusive queues.
    pub consuming: Connection,
    publisher: Connection,
}

impl Link {
    async fn open(shared: &Shared) -> Result<Self, lapin::Error> {
        let connect = |role: &str| {
            let name = format!("{} ({role})", shared.options.connection_name);
            let properties = ConnectionProperties::default().with_connection_name(name.into());
            Connection::connect_uri(shared.uri.clone(), properties)
        };
        let publisher = connect("publish").await?;
        let consuming = connect("consume").await?;
        let publishing = publisher.create_channel().await?;
        publishing.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { publishing, consuming, publisher })
    }

    fn is_alive(&self) -> bool {
        self.publisher.status().connected() && self.consuming.status().connected() && self.publishing.status().connected()
    }

    fn is_blocked(&self) -> bool {
        self.publisher.status().blocked()
    }

    /// Ends both connections; what is unsettled goes back to its queues.
    pub async fn close(&self) {
        drop(self.consuming.close(200, "bye".into()).await);
        drop(self.publisher.close(200, "bye".into()).await);
    }
}

/// Keeps a pair alive until the bus is closed.
pub async fn supervise(shared: Arc<Shared>) {
    let mut delays = Policy::RECONNECT.delays();
    let stop = shared.tasks.shutdown().clone();
    while !shared.closed.is_cancelled() {
        let opened = tokio::select! {
            opened = open(&shared) => opened,
            () = shared.closed.cancelled() => return,
            () = stop.stopping() => return,
        };
        match opened {
            Ok(link) => {
                delays.reset();
                shared.status.send_replace(Status::Connected);
                shared.link.send_replace(Some(link.clone()));
                let reason = watch(&shared, &link).await;
                shared.link.send_replace(None);
                shared.status.send_replace(Status::Disconnected(reason));
                drop(timeout(Duration::from_secs(2), link.close()).await);
            }
            Err(reason) => {
                tracing::warn!(%reason, "the broker can't be reached; trying again");
                shared.status.send_replace(Status::Disconnected(reason));
            }
        }
        let delay = delays.next_delay().unwrap_or(Policy::RECONNECT.longest);
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = shared.closed.cancelled() => return,
            () = stop.stopping() => return,
        }
    }
}

async fn open(shared: &Shared) -> Result<Arc<Link>, String> {
    let link = match timeout(shared.options.publish_timeout, Link::open(shared)).await {
        Ok(Ok(link)) => link,
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err(format!("it did not answer within {:?}", shared.options.publish_timeout)),
    };
    for topology in shared.remembered() {
        match declare::on(&link.consuming, &topology).await {
            Ok(()) => {}
            // The exclusive queue of a half-open connection still holds its name; the broker lets go of it in time.
            Err(error @ BusError::Mismatch { .. }) => tracing::warn!(%error, "a queue could not be declared again"),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(Arc::new(link))
}

/// Waits until the pair is broken; why.
async fn watch(shared: &Shared, link: &Link) -> String {
    loop {
        tokio::select! {
            () = shared.closed.cancelled() => return "closed".to_owned(),
            () = shared.tasks.shutdown().stopping() => tokio::select! {
                // The owner closes the bus when what it still has to say is said.
                () = shared.closed.cancelled() => return "closed".to_owned(),
                () = tokio::time::sleep(LOOK) => {}
            },
            () = shared.broken.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        if !link.is_alive() {
            return "the connection was lost".to_owned();
        }
        let status = if link.is_blocked() { Status::Blocked("a memory or disk alarm".to_owned()) } else { Status::Connected };
        shared.status.send_if_modified(|current| {
            let changed = *current != status;
            *current = status.clone();
            changed
        });
    }
}

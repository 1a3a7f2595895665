//! Publishing: `mandatory`, confirmed, pipelined on one channel, and never longer than the timeout.

use lapin::Confirmation;
use lapin::options::BasicPublishOptions;
use tokio::time::timeout;

use super::{Shared, convert};
use crate::{BusError, Outgoing, Published};

/// Publishes and waits for the broker's answer.
pub async fn confirmed(shared: &Shared, message: Outgoing) -> Result<Published, BusError> {
    let link = shared.link().await?;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let publishing = async {
        let (exchange, key) = (message.exchange.as_str().into(), message.routing_key.as_str().into());
        link.publishing.basic_publish(exchange, key, options, &message.body, convert::properties(&message)).await?.await
    };
    match timeout(shared.options.publish_timeout, publishing).await {
        Ok(Ok(Confirmation::Ack(None))) => Ok(Published::Routed),
        Ok(Ok(Confirmation::Ack(Some(_)))) => Ok(Published::Unroutable),
        Ok(Ok(Confirmation::Nack(_))) => Err(BusError::Refused(format!("`{}` takes no more messages", message.routing_key))),
        Ok(Ok(Confirmation::NotRequested)) => Err(BusError::Unavailable("the channel was not in confirm mode".to_owned())),
        Ok(Err(error)) => {
            // A channel that the broker has closed takes nothing more: the supervisor builds another.
            shared.broken.notify_one();
            Err(BusError::Unavailable(error.to_string()))
        }
        Err(_) => Err(BusError::Unavailable(format!("no confirm within {:?}", shared.options.publish_timeout))),
    }
}

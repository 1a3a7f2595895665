//! Keeping the topology: whoever deletes exchanges, bindings or queues on a running broker makes everybody deaf, and no connection
//! breaks for it. So what was declared is declared again: at once when a message that it should carry came back, and now and then.

use std::sync::Arc;

use super::{Shared, declare};
use crate::{BusError, Published};

/// Puts back what is missing now and then, until the bus is closed.
pub async fn run(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.closed.cancelled() => return,
            () = tokio::time::sleep(shared.look_after_every) => {}
        }
        let declared = shared
            .within(async {
                let connection = shared.consuming.connected().await?;
                declare::keep(&connection, shared.wanted.all()).await
            })
            .await;
        if let Err(error) = declared {
            tracing::debug!(%error, "the topology could not be declared again; the next look tries it again");
        }
    }
}

/// Whether a message came back, or was refused, although this bus has declared what should carry it: then that is declared again,
/// and the message is worth another try.
pub async fn mended(shared: &Shared, exchange: &str, routing_key: &str, answer: &Result<Published, BusError>) -> bool {
    let wanted = match answer {
        Ok(Published::Unroutable) => shared.wanted.of_key(exchange, routing_key),
        Err(BusError::Refused(said)) if said.contains("no exchange") => shared.wanted.of_exchange(exchange),
        _ => None,
    };
    let Some(topology) = wanted else { return false };
    let declared = shared.within(async { declare::keep(&*shared.consuming.connected().await?, topology).await }).await;
    match &declared {
        Ok(()) => tracing::warn!(exchange, routing_key, "the broker had lost what carries this message; it is declared again"),
        Err(error) => {
            tracing::warn!(exchange, routing_key, %error, "the broker has lost what carries this message, and it can't be declared");
        }
    }
    declared.is_ok()
}

//! Hears other processes' announcements of new outbox rows, and wakes the relay. A lost connection wakes it too: what was
//! announced meanwhile was not heard.

use chiffon_process::retry::Policy;
use sqlx::postgres::PgListener;

use crate::store::{self, outbox};
use crate::verbs::Context;

/// Listens until the stop.
pub async fn run(context: Context) {
    let mut delays = Policy::RECONNECT.delays();
    while !context.shutdown.is_stopping() {
        let result = tokio::select! {
            () = context.shutdown.stopping() => return,
            result = listen(&context) => result,
        };
        if let Err(error) = result {
            tracing::warn!(%error, "the listener for new messages lost the database; the relay's period stands in for it");
        }
        look(&context);
        context.shutdown.sleep(delays.next_delay().unwrap_or(context.settings.tick)).await;
    }
}

async fn listen(context: &Context) -> Result<(), store::Error> {
    let mut listener = PgListener::connect_with(context.store.pool()).await?;
    listener.listen(outbox::CHANNEL).await?;
    // `None` is a connection that was lost and is made again by the next call.
    loop {
        store::heard(&mut listener, outbox::CHANNEL).await?;
        look(context);
    }
}

fn look(context: &Context) {
    context.handed.look();
    context.wakes.outbox.notify_one();
}

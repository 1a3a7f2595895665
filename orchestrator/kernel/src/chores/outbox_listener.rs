//! Hears what other processes announce, new outbox rows and what is to be planned, and wakes the relay and the planner. A lost connection
//! wakes both too: what was announced meanwhile was not heard.

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
        look_at_all(&context);
        context.shutdown.sleep(delays.next_delay().unwrap_or(context.settings.tick)).await;
    }
}

async fn listen(context: &Context) -> Result<(), store::Error> {
    let mut listener = PgListener::connect_with(context.store.pool()).await?;
    listener.listen(outbox::CHANNEL).await?;
    // `None` is a connection that was lost and is made again by the next call.
    loop {
        match store::heard(&mut listener, outbox::CHANNEL).await? {
            Some(announced) if announced.payload() == outbox::TO_PLAN => context.wakes.planner.notify_one(),
            Some(_) => look_at_outbox(context),
            None => look_at_all(context),
        }
    }
}

fn look_at_outbox(context: &Context) {
    context.handed.look();
    context.wakes.outbox.notify_one();
}

fn look_at_all(context: &Context) {
    look_at_outbox(context);
    context.wakes.planner.notify_one();
}

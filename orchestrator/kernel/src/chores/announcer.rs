//! Announces to other processes what this one has committed.

use crate::store::{self, events, outbox};
use crate::verbs::Context;
use crate::verbs::announcements::Waiting;

/// Announces until the stop.
pub async fn run(context: Context) {
    loop {
        let waiting = tokio::select! {
            () = context.shutdown.stopping() => return,
            waiting = context.announcements.next() => waiting,
        };
        if let Err(error) = announce(&context, waiting).await {
            tracing::warn!(%error, "other processes could not be told what has changed; they look by themselves");
        }
    }
}

async fn announce(context: &Context, waiting: Waiting) -> Result<(), store::Error> {
    let requests = waiting.requests.iter().map(|id| (events::CHANNEL, id.to_string()));
    let outbox = waiting.outbox.then(|| (outbox::CHANNEL, String::new()));
    let planner = waiting.planner.then(|| (outbox::CHANNEL, outbox::TO_PLAN.to_owned()));
    let (channels, texts): (Vec<&str>, Vec<String>) = requests.chain(outbox).chain(planner).unzip();
    let channels: Vec<String> = channels.into_iter().map(str::to_owned).collect();
    context.store.announce(&channels, &texts).await
}

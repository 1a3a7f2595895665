//! Saying who this agent is: at the start, after each reconnect, when its catalogue or hosts change, and when asked.

use std::sync::Arc;

use chiffon_process::retry::Policy;
use chiffon_protocol::message::{AgentHello, Unfinished};
use chiffon_protocol::{envelope, topology};

use super::heartbeat;
use super::sender::REPORT_VALID;
use super::shared::Shared;

/// Greets until the worker closes; the first greeting has been said by [`say`].
pub(super) async fn run(shared: Arc<Shared>) {
    let mut status = shared.bus.status();
    let mut look = tokio::time::interval(shared.options.refresh_every);
    look.tick().await;
    loop {
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = shared.hello_wanted.notified() => {}
            () = Shared::reconnected(&mut status) => {}
            _ = look.tick() => {
                if !shared.kind.refresh().await {
                    continue;
                }
                tracing::info!("the catalogue or the hosts changed; saying hello again");
            }
        }
        say(&shared).await;
    }
}

/// Says hello until the broker has it, or the worker closes.
pub(super) async fn say(shared: &Shared) {
    let figures = heartbeat::figures(shared).await;
    let mut delays = Policy::RECONNECT.delays();
    loop {
        let hello = AgentHello {
            agent_id: shared.options.agent_id.clone(),
            agent_type: shared.kind.agent_type(),
            hostname: shared.options.hostname.clone(),
            incarnation: shared.journal.incarnation(),
            version: shared.options.version.clone(),
            protocol: vec![envelope::VERSION],
            journal_id: shared.journal.id(),
            labels: shared.kind.labels(),
            resources: figures.resources(),
            hosts: shared.kind.hosts(),
            actions: shared.kind.catalogue(),
            unfinished: unfinished(shared),
        };
        let Err(error) = shared.sender.send(topology::CLAIMS, &shared.sender.own_trace(), hello, REPORT_VALID).await else { return };
        tracing::debug!(%error, "hello could not be said yet");
        let delay = delays.next_delay().unwrap_or(Policy::RECONNECT.longest);
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = shared.tasks.shutdown().draining() => return,
            () = tokio::time::sleep(delay) => {}
        }
    }
}

fn unfinished(shared: &Shared) -> Vec<Unfinished> {
    shared
        .attempts()
        .values()
        .map(|attempt| {
            let (task_id, number) = attempt.key();
            Unfinished { task_id, attempt: number, state: attempt.state.borrow().as_str().to_owned() }
        })
        .collect()
}

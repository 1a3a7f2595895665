//! The heartbeat: still here, this free, these attempts running. It is the lease of what runs.

use std::sync::Arc;

use chiffon_protocol::message::Heartbeat;
use chiffon_protocol::topology;

use super::probe::HeartbeatFigures;
use super::sender::HEARTBEAT_VALID;
use super::shared::Shared;

/// Beats until the worker closes.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut seq = 0;
    let mut every = tokio::time::interval(shared.options.heartbeat_every);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut intake = shared.intake.subscribe();
    loop {
        tokio::select! {
            () = shared.closing.cancelled() => return,
            _ = every.tick() => {}
            // Whoever pauses an agent wants to see it.
            _ = intake.changed() => {}
        }
        seq += 1;
        let beat = beat(&shared, seq).await;
        if let Err(error) = shared.sender.send(topology::HEARTBEATS, &shared.sender.own_trace(), beat, HEARTBEAT_VALID).await {
            tracing::debug!(%error, "the heartbeat could not be sent");
        }
    }
}

/// The machine's figures, taken on a thread that may block.
pub(super) async fn figures(shared: &Shared) -> HeartbeatFigures {
    let probe = Arc::clone(&shared.probe);
    tokio::task::spawn_blocking(move || probe.sample()).await.unwrap_or_default()
}

async fn beat(shared: &Shared, seq: u64) -> Heartbeat {
    let HeartbeatFigures { cpu, memory, disks, gpus, networks } = figures(shared).await;
    Heartbeat {
        agent_id: shared.options.agent_id.clone(),
        incarnation: shared.journal.incarnation(),
        seq,
        uptime_seconds: shared.clock.elapsed().saturating_sub(shared.started).as_secs(),
        availability: shared.availability(),
        intake: Some(*shared.intake.borrow()),
        running: shared.attempts().values().filter_map(|attempt| attempt.running()).collect(),
        cpu,
        memory,
        disks,
        gpus,
        networks,
    }
}

//! Each agent and its machine, as its newest heartbeat tells.

use chiffon_fleet::store::read::agents::{self, AgentView};
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::message::Heartbeat;

use super::families::{Families, Kind, Sample};
use super::{exact, whole};
use crate::http::HttpState;

const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_073_741_824.0;

/// Adds them. What a silent agent's machine had is not shown: it is not known any more.
pub(super) async fn add(families: &mut Families, state: &HttpState) -> Result<(), Failure> {
    let all = agents::list(state.pool(), &state.context.settings.kinds, None).await?;
    let mut gauge = |name: &str, help: &str, samples: Vec<Sample>| families.add(Kind::Gauge, name, help, samples);
    let each = |value: fn(&AgentView) -> f64| all.iter().map(|agent| (label(agent), value(agent))).collect::<Vec<_>>();
    gauge("chiffon_agent_alive", "Whether the agent's lease is running.", each(|agent| f64::from(u8::from(agent.alive))));
    gauge(
        "chiffon_agent_takes_work",
        "Whether a person wants it to work (1), or has paused or drained it (0).",
        each(|agent| f64::from(u8::from(agent.desired == "active"))),
    );
    gauge("chiffon_agent_last_seen_timestamp_seconds", "When it was last heard.", each(|agent| exact(agent.last_seen_at.timestamp())));
    let beats: Vec<(&AgentView, Heartbeat)> = all
        .iter()
        .filter(|agent| agent.alive)
        .filter_map(|agent| Some((agent, serde_json::from_value(agent.heartbeat.clone()?).ok()?)))
        .collect();
    let each = |value: fn(&Heartbeat) -> f64| beats.iter().map(|(agent, beat)| (label(agent), value(beat))).collect::<Vec<_>>();
    gauge("chiffon_agent_tasks_running", "Tasks that it runs.", each(|beat| whole(u64::try_from(beat.running.len()).unwrap_or(u64::MAX))));
    gauge("chiffon_agent_cpu_used_ratio", "How much of all cores of its machine is used.", each(|beat| beat.cpu.used_percent / 100.0));
    gauge("chiffon_agent_load1", "The one-minute load average of its machine.", each(|beat| beat.cpu.load_1m));
    gauge("chiffon_agent_memory_total_bytes", "The memory of its machine.", each(|beat| whole(beat.memory.total_mb) * MIB));
    gauge("chiffon_agent_memory_available_bytes", "What of it could be used now.", each(|beat| whole(beat.memory.available_mb) * MIB));
    let disks = |value: fn(&chiffon_protocol::message::Disk) -> f64| {
        let of = |(agent, beat): &(&AgentView, Heartbeat)| {
            let named = |disk| (with(agent, "mount", &chiffon_protocol::message::Disk::clone(disk).mount), value(disk));
            beat.disks.iter().map(named).collect::<Vec<_>>()
        };
        beats.iter().flat_map(of).collect::<Vec<_>>()
    };
    gauge("chiffon_agent_disk_total_bytes", "The size of each file system of its machine.", disks(|disk| disk.total_gb * GIB));
    gauge("chiffon_agent_disk_free_bytes", "What of it is free.", disks(|disk| disk.free_gb * GIB));
    let gpus = |value: fn(&chiffon_protocol::message::Gpu) -> f64| {
        let of = |(agent, beat): &(&AgentView, Heartbeat)| {
            let named = |(number, gpu): (usize, &chiffon_protocol::message::Gpu)| (with(agent, "gpu", &number.to_string()), value(gpu));
            beat.gpus.iter().enumerate().map(named).collect::<Vec<_>>()
        };
        beats.iter().flat_map(of).collect::<Vec<_>>()
    };
    gauge("chiffon_agent_gpu_used_ratio", "How much of each GPU of its machine is used.", gpus(|gpu| gpu.used_percent / 100.0));
    gauge("chiffon_agent_gpu_memory_total_bytes", "The memory of each GPU.", gpus(|gpu| whole(gpu.memory_total_mb) * MIB));
    gauge("chiffon_agent_gpu_memory_free_bytes", "What of it is free.", gpus(|gpu| whole(gpu.memory_free_mb) * MIB));
    Ok(())
}

fn label(agent: &AgentView) -> Vec<(&'static str, String)> {
    vec![("agent", agent.agent_id.clone()), ("agent_type", agent.agent_type.clone())]
}

fn with(agent: &AgentView, name: &'static str, value: &str) -> Vec<(&'static str, String)> {
    let mut labels = label(agent);
    labels.push((name, value.to_owned()));
    labels
}

//! `chiffon agents`: who is connected, and what they have free.

use serde_json::Value;

use crate::args::Output;
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::table::{self, text};
use crate::show::time;

/// Lists agents.
pub async fn run(api: &Api, output: Output) -> Outcome {
    let listed = api.get("/agents", &[]).await?;
    if !table::json(output, &listed) {
        let table = rows(&listed).map(row).collect();
        table::print(
            &["AGENT", "KIND", "HOST", "STATE", "SEEN", "CPU", "MEMORY FREE", "GPUS", "RUNNING"],
            table,
            "No agent has ever said hello. Start one: chiffon agent infrastructure, or chiffon agent desktop",
        );
    }
    Ok(Exit::Done)
}

fn row(agent: &Value) -> Vec<String> {
    let heartbeat = &agent["heartbeat"];
    let alive = agent["alive"].as_bool().unwrap_or(false);
    let percent = heartbeat["cpu"]["used_percent"].as_f64().map(|percent| format!("{percent:.0} %")).unwrap_or_default();
    let free = heartbeat["memory"]["available_mb"].as_f64().map(|mb| format!("{:.1} GiB", mb / 1024.0)).unwrap_or_default();
    let count = |value: &Value| value.as_array().map_or(0, Vec::len).to_string();
    vec![
        text(&agent["agent_id"]),
        text(&agent["agent_type"]),
        text(&agent["hostname"]),
        if alive { text(&agent["availability"]) } else { "gone".to_owned() },
        time::ago(&agent["last_seen_at"]),
        percent,
        free,
        count(&heartbeat["gpus"]),
        count(&heartbeat["running"]),
    ]
}

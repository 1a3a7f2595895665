//! `chiffon agents`: who is connected, and what they have free.

use serde_json::{Value, json};

use crate::args::{AgentsVerb, Output};
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::run::kinds;
use crate::show::called::CHIFFON;
use crate::show::style::paint;
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
            &format!("No agent has ever said hello. Start one: {}", kinds::commands()),
        );
        for (agent, problem) in rows(&listed).flat_map(problems) {
            say!("{}", paint("33", &format!("Left out by {agent}: {problem}")));
        }
        for agent in rows(&listed).filter(|agent| agent["left_alone"].is_string()) {
            say!("{}", paint("33", &format!("{} is left alone: {}", text(&agent["agent_id"]), text(&agent["left_alone"]))));
        }
        for refused in listed["refused"].as_array().into_iter().flatten() {
            let (id, ago) = (text(&refused["agent_id"]), time::ago(&refused["last_at"]));
            say!("Refused: {id} ({ago}, error {}): {}", text(&refused["code"]), text(&refused["message"]));
        }
    }
    Ok(Exit::Done)
}

/// Pauses, resumes or drains an agent.
pub async fn order(api: &Api, output: Output, verb: &AgentsVerb) -> Outcome {
    let (word, id, reason) = match verb {
        AgentsVerb::Pause { id, reason } => ("pause", id, reason),
        AgentsVerb::Resume { id, reason } => ("resume", id, reason),
        AgentsVerb::Drain { id, reason } => ("drain", id, reason),
    };
    let body = reason.as_ref().map_or_else(|| json!({}), |reason| json!({"reason": reason}));
    let agent = api.post(&format!("/agents/{id}/{word}"), &body).await?;
    if !table::json(output, &agent) {
        let alive = agent["alive"].as_bool().unwrap_or(false);
        let running = agent["running"].as_array().map_or(0, Vec::len);
        println!(
            "{}",
            match (verb, alive) {
                (AgentsVerb::Pause { .. }, _) =>
                    format!("{id} takes no more work; {running} of its tasks go on. `{CHIFFON} agents resume {id}` ends it."),
                (AgentsVerb::Resume { .. }, true) => format!("{id} takes work again."),
                (AgentsVerb::Resume { .. }, false) => format!("{id} takes work again as soon as it is started; it is not connected."),
                (AgentsVerb::Drain { .. }, true) =>
                    format!("{id} takes no more work, finishes {running} tasks, and ends (one of `chiffon up` stays)."),
                (AgentsVerb::Drain { .. }, false) =>
                    format!("{id} is not connected; when it is started it takes no work until it is resumed."),
            }
        );
    }
    Ok(Exit::Done)
}

/// What an agent had to leave out.
fn problems(agent: &Value) -> Vec<(String, String)> {
    let actions = agent["not_offered"].as_array().into_iter().flatten().map(|action| text(&action["reason"]));
    let others = agent["problems"].as_array().into_iter().flatten().map(text);
    actions.chain(others).map(|problem| (text(&agent["agent_id"]), problem)).collect()
}

/// The hosts that an agent reaches: those of its groups, each once, by name.
pub fn hosts(agent: &Value) -> Vec<String> {
    let groups = agent["hosts"].as_object().into_iter().flat_map(|groups| groups.values());
    let mut hosts: Vec<String> = groups.flat_map(|names| names.as_array().into_iter().flatten()).map(text).collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

/// What an agent is doing, in a word.
pub fn state(agent: &Value) -> String {
    let alive = agent["alive"].as_bool().unwrap_or(false);
    match (alive, agent["desired"].as_str(), agent["ends"] == true) {
        (false, Some("drained"), true) => "drained".to_owned(),
        (false, ..) => "gone".to_owned(),
        (true, Some("drained"), true) => "draining".to_owned(),
        (true, Some("paused" | "drained"), _) => "paused".to_owned(),
        (true, ..) => text(&agent["availability"]),
    }
}

fn row(agent: &Value) -> Vec<String> {
    let heartbeat = &agent["heartbeat"];
    let percent = heartbeat["cpu"]["used_percent"].as_f64().map(|percent| format!("{percent:.0} %")).unwrap_or_default();
    let free = heartbeat["memory"]["available_mb"].as_f64().map(|mb| format!("{:.1} GiB", mb / 1024.0)).unwrap_or_default();
    let count = |value: &Value| value.as_array().map_or(0, Vec::len).to_string();
    vec![
        text(&agent["agent_id"]),
        text(&agent["agent_type"]),
        text(&agent["hostname"]),
        state(agent),
        time::ago(&agent["last_seen_at"]),
        percent,
        free,
        count(&heartbeat["gpus"]),
        count(&heartbeat["running"]),
    ]
}

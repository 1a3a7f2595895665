//! `GET /metrics`: numbers for Prometheus. What has ended is not counted here; SQL tells that.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use chiffon_bus::Status;
use chiffon_kernel::http::problem::Failure;

use crate::http::HttpState;
use crate::store::read::counts::{self, Counts};

/// Shows numbers as text (version 0.0.4 of Prometheus' format).
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "Prometheus text", content_type = "text/plain", body = String))
)]
pub(in crate::http) async fn metrics(State(state): State<HttpState>) -> Result<impl IntoResponse, Failure> {
    let counts = counts::read(state.pool()).await?;
    let connected = *state.context.bus.status().borrow() == Status::Connected;
    let mut text = String::new();
    store_numbers(&mut text, &counts);
    gauge(&mut text, "chiffon_bus_connected", "Whether the broker can be reached.", &[(String::new(), i64::from(connected))]);
    background_numbers(&mut text, &state);
    invariant_numbers(&mut text, &state);
    state.measures.render(&mut text);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

fn store_numbers(text: &mut String, counts: &Counts) {
    let by_status =
        |rows: &[(String, i64)]| rows.iter().map(|(status, count)| (format!("{{status=\"{status}\"}}"), *count)).collect::<Vec<_>>();
    let agents = |pick: fn(&(String, i64, i64)) -> i64| {
        counts.agents.iter().map(|row| (format!("{{agent_type=\"{}\"}}", row.0), pick(row))).collect::<Vec<_>>()
    };
    gauge(text, "chiffon_requests_open", "Requests that have not ended, by state.", &by_status(&counts.requests));
    gauge(text, "chiffon_tasks_open", "Tasks that have not ended, by state.", &by_status(&counts.tasks));
    gauge(text, "chiffon_agents_alive", "Agents whose lease is running, by kind.", &agents(|row| row.1));
    gauge(text, "chiffon_agents_known", "Agents that ever said hello, by kind.", &agents(|row| row.2));
    gauge(text, "chiffon_outbox_depth", "Messages that wait to be published.", &[(String::new(), counts.outbox)]);
    gauge(text, "chiffon_git_outbox_depth", "Records that wait to be committed.", &[(String::new(), counts.git_outbox)]);
    gauge(text, "chiffon_dead_letters_open", "Dead letters that nobody has replayed or purged.", &[(String::new(), counts.dead_letters)]);
    gauge(text, "chiffon_standing_approvals", "Standing approvals that count.", &[(String::new(), counts.standing_approvals)]);
}

fn background_numbers(text: &mut String, state: &HttpState) {
    let all = state.context.background.all();
    for (name, help, pick) in [
        ("chiffon_background_ticks_total", "How often each background agent looked.", 0),
        ("chiffon_background_done_total", "How many things each dealt with.", 1),
        ("chiffon_background_failures_total", "How often each failed.", 2),
    ] {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
        for (agent, status) in &all {
            let value = [status.ticks, status.done, status.failures][pick];
            let _ = writeln!(text, "{name}{{agent=\"{agent}\"}} {value}");
        }
    }
}

fn invariant_numbers(text: &mut String, state: &HttpState) {
    let Some(report) = state.context.background.invariants() else { return };
    let samples: Vec<_> = report.items.iter().map(|item| (format!("{{invariant=\"{}\"}}", item.invariant), item.count)).collect();
    gauge(text, "chiffon_invariant_violations", "What must never be, and how often it is; GET /background names it.", &samples);
    let checked = [(String::new(), report.checked_at.timestamp())];
    gauge(text, "chiffon_invariants_checked_timestamp_seconds", "When the invariants were last looked at.", &checked);
}

fn gauge(text: &mut String, name: &str, help: &str, samples: &[(String, i64)]) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

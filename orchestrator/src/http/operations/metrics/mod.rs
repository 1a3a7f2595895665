//! `GET /metrics`: numbers for Prometheus. What has ended is only counted as it happens; SQL tells the rest.
//!
//! What the database holds is the same in the answer of each orchestrator; what a process has done or sees is its own.

mod agents;
mod costs;
mod families;
mod notifications;
mod store;
mod webhooks;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use chiffon_bus::Status;
use chiffon_kernel::http::problem::Failure;

use self::families::{Families, Kind, no_label};
use crate::http::HttpState;
use crate::store::read::counts;

/// What is told from the start, before it has happened: an increase from nothing is none to Prometheus.
const TOLD: [&str; 11] = [
    "request.submitted",
    "request.completed",
    "request.failed",
    "request.cancelled",
    "request.expired",
    "request.needs_attention",
    "plan.approved",
    "plan.rejected",
    "task.started",
    "task.finished",
    "task.failed",
];

/// Shows numbers as text (version 0.0.4 of Prometheus' format).
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "Prometheus text", content_type = "text/plain", body = String))
)]
pub(in crate::http) async fn metrics(State(state): State<HttpState>) -> Result<impl IntoResponse, Failure> {
    let mut families = Families::default();
    let version = vec![(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0)];
    families.add(Kind::Gauge, "chiffon_build_info", "The version, as a label.", version);
    store::add(&mut families, &counts::read(state.pool()).await?);
    agents::add(&mut families, &state).await?;
    costs::add(&mut families, &state).await?;
    notifications::add(&mut families, &state).await?;
    webhooks::add(&mut families, &state).await?;
    process(&mut families, &state);
    background(&mut families, &state);
    invariants(&mut families, &state);
    let mut text = families.text();
    state.measures.render(&mut text);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

fn process(families: &mut Families, state: &HttpState) {
    let connected = *state.context.bus.status().borrow() == Status::Connected;
    families.add(Kind::Gauge, "chiffon_bus_connected", "Whether the broker can be reached.", no_label(f64::from(u8::from(connected))));
    let (open, idle) = (f64::from(state.pool().size()), exact(i64::try_from(state.pool().num_idle()).unwrap_or(i64::MAX)));
    families.add(
        Kind::Gauge,
        "chiffon_database_connections",
        "Connections of this process to the database, by what they do.",
        vec![(vec![("state", "busy".to_owned())], (open - idle).max(0.0)), (vec![("state", "idle".to_owned())], idle)],
    );
    let most = f64::from(state.pool().options().get_max_connections());
    families.add(Kind::Gauge, "chiffon_database_connections_max", "The most connections that this process makes.", no_label(most));
    if let Some(counts) = state.context.traces.counts() {
        for (name, help, count) in [
            ("chiffon_trace_spans_sent_total", "Spans that the collector has taken.", counts.sent()),
            ("chiffon_trace_spans_dropped_total", "Spans for which there was no room, or that no collector took.", counts.dropped()),
        ] {
            families.add(Kind::Counter, name, help, no_label(whole(count)));
        }
    }
    let mut happened = state.context.happened.all();
    for event in TOLD {
        happened.entry(event).or_default();
    }
    let samples = happened.into_iter().map(|(event, count)| (vec![("event", event.to_owned())], whole(count))).collect();
    families.add(Kind::Counter, "chiffon_events_total", "What happened, by its name in the audit log, in this process.", samples);
}

fn background(families: &mut Families, state: &HttpState) {
    let all = state.context.background.all();
    for (name, help, pick) in [
        ("chiffon_background_ticks_total", "How often each background agent looked.", 0),
        ("chiffon_background_done_total", "How many things each dealt with.", 1),
        ("chiffon_background_failures_total", "How often each failed.", 2),
    ] {
        let value = |index: usize, counts: [u64; 3]| whole(counts[index]);
        let samples = all
            .iter()
            .map(|(agent, status)| (vec![("agent", (*agent).to_owned())], value(pick, [status.ticks, status.done, status.failures])));
        families.add(Kind::Counter, name, help, samples.collect());
    }
}

fn invariants(families: &mut Families, state: &HttpState) {
    let Some(report) = state.context.background.invariants() else { return };
    let samples = report.items.iter().map(|item| (vec![("invariant", item.invariant.to_string())], exact(item.count))).collect();
    families.add(
        Kind::Gauge,
        "chiffon_invariant_violations",
        "What must never be, and how often it is; GET /background names it.",
        samples,
    );
    let checked = no_label(exact(report.checked_at.timestamp()));
    families.add(Kind::Gauge, "chiffon_invariants_checked_timestamp_seconds", "When the invariants were last looked at.", checked);
}

/// A count as Prometheus has them: beyond 2^53 it is rounded, which nothing here comes to.
#[expect(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn exact(count: i64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn whole(count: u64) -> f64 {
    count as f64
}

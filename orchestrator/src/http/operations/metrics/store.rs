//! What is open, and how long it has been waiting.

use std::collections::BTreeMap;

use super::exact;
use super::families::{Families, Kind, Sample, no_label};
use crate::store::read::counts::{Counts, Waiting};

/// Adds what the database holds.
pub(super) fn add(families: &mut Families, counts: &Counts) {
    let mut gauge = |name: &str, help: &str, samples: Vec<Sample>| families.add(Kind::Gauge, name, help, samples);
    gauge("chiffon_requests_open", "Requests that have not ended, by state.", by("status", &counts.requests));
    gauge("chiffon_requests_waiting", "Requests that wait, by what for.", counted(&counts.requests_waiting));
    gauge(
        "chiffon_requests_waiting_longest_seconds",
        "How long the request that has waited longest has done so, by what for.",
        longest(&counts.requests_waiting),
    );
    gauge("chiffon_tasks_open", "Tasks that have not ended, by state.", by("status", &counts.tasks));
    gauge("chiffon_tasks_waiting", "Tasks that wait, by what for.", counted(&counts.tasks_waiting));
    gauge(
        "chiffon_tasks_waiting_longest_seconds",
        "How long the task that has waited longest has done so, by what for.",
        longest(&counts.tasks_waiting),
    );
    let agents = |pick: fn(&(String, i64, i64)) -> i64| {
        counts.agents.iter().map(|row| (vec![("agent_type", row.0.clone())], exact(pick(row)))).collect::<Vec<_>>()
    };
    gauge("chiffon_agents_alive", "Agents whose lease is running, by kind.", agents(|row| row.1));
    gauge("chiffon_agents_known", "Agents that ever said hello, by kind.", agents(|row| row.2));
    for (name, waiting, what) in [
        (
            "chiffon_outbox",
            counts.outbox,
            ["Messages that wait to be published.", "The age of the oldest message that waits to be published."],
        ),
        (
            "chiffon_git_outbox",
            counts.git_outbox,
            ["Records that wait to be committed.", "The age of the oldest record that waits to be committed."],
        ),
    ] {
        gauge(&format!("{name}_depth"), what[0], no_label(exact(waiting.count)));
        gauge(&format!("{name}_oldest_seconds"), what[1], no_label(waiting.longest));
    }
    let letters = counts.dead_letters;
    gauge("chiffon_dead_letters_open", "Dead letters that nobody has replayed or purged.", no_label(exact(letters.count)));
    gauge("chiffon_dead_letters_oldest_seconds", "The age of the oldest of them.", no_label(letters.longest));
    gauge("chiffon_standing_approvals", "Standing approvals that count.", no_label(exact(counts.standing_approvals)));
    gauge("chiffon_database_size_bytes", "What the database takes on its disk.", no_label(exact(counts.database_bytes)));
}

fn by(label: &'static str, rows: &[(String, i64)]) -> Vec<Sample> {
    rows.iter().map(|(word, count)| (vec![(label, word.clone())], exact(*count))).collect()
}

fn counted(waiting: &BTreeMap<String, Waiting>) -> Vec<Sample> {
    waiting.iter().map(|(reason, waiting)| (vec![("reason", reason.clone())], exact(waiting.count))).collect()
}

fn longest(waiting: &BTreeMap<String, Waiting>) -> Vec<Sample> {
    waiting.iter().map(|(reason, waiting)| (vec![("reason", reason.clone())], waiting.longest)).collect()
}

//! `chiffon people`: people and programs, and what they may do.

use serde_json::Value;

use crate::args::Output;
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::table::{self, text};
use crate::show::time;

/// Lists them.
pub async fn run(api: &Api, output: Output) -> Outcome {
    let listed = api.list("/people", &[], usize::MAX).await?;
    if !table::json(output, &listed) {
        let table = rows(&listed)
            .map(|row| vec![text(&row["name"]), text(&row["kind"]), role(row), ways(row), time::ago(&row["created_at"])])
            .collect();
        table::print(&["NAME", "KIND", "ROLE", "SIGNS IN BY", "CAME"], table, "Nobody.");
    }
    Ok(Exit::Done)
}

/// What they are everywhere, and how many roles they were given for a part (`chiffon grant list`).
fn role(row: &Value) -> String {
    let role = text(&row["role"]);
    match row["grants"].as_u64().unwrap_or_default() {
        0 => role,
        1 => format!("{role}, another for a part"),
        more => format!("{role}, {more} others for a part"),
    }
}

/// Beside links and tokens, which anybody may have.
fn ways(row: &Value) -> String {
    let ways = [("has_password", "password"), ("by_provider", "provider")];
    ways.into_iter().filter(|(key, _)| row[key] == true).map(|(_, word)| word).collect::<Vec<_>>().join(", ")
}

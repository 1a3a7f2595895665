//! `chiffon audit`: the log, and whether it is whole.

use serde_json::Value;

use crate::args::{Most, Output};
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::table::{self, text};

/// Prints a chain.
pub async fn log(api: &Api, output: Output, id: Option<&str>, newest: bool, most: Most) -> Outcome {
    let chain = match id {
        Some(id) => api.request_id(id).await?,
        None => "system".to_owned(),
    };
    let mut query = vec![("chain", chain)];
    query.extend(newest.then(|| ("newest", "true".to_owned())));
    let listed = api.list("/audit", &query, most.limit(usize::MAX)).await?;
    if !table::json(output, &listed) {
        let table = rows(&listed)
            .map(|row| vec![text(&row["seq"]), text(&row["at"]), text(&row["actor"]), text(&row["event"]), text(&row["data"])])
            .collect();
        table::print(&["#", "WHEN", "WHO", "WHAT", "PARTICULARS"], table, "The chain is empty.");
    }
    Ok(Exit::Done)
}

/// Checks the hashes.
pub async fn verify(api: &Api, output: Output, id: Option<&str>) -> Outcome {
    let mut query = Vec::new();
    if let Some(id) = id {
        query.push(("chain", api.request_id(id).await?));
    }
    let report = api.get("/audit/verify", &query).await?;
    let whole = report["ok"].as_bool().unwrap_or(false);
    if !table::json(output, &report) {
        print_report(&report, whole);
    }
    Ok(if whole { Exit::Done } else { Exit::Failed })
}

/// What was looked at, and what of it is not as it was written.
pub fn print_report(report: &Value, whole: bool) {
    let expired = match report["logs_expired"].as_u64() {
        None | Some(0) => String::new(),
        Some(count) => format!(" ({count} logs have expired; their digests are kept)"),
    };
    let commits = if report["commits"].is_null() { String::new() } else { format!(", {} commits", text(&report["commits"])) };
    let looked_at = format!(
        "{} rows in {} chains, {} sealed heads, {} logs{expired}{commits}",
        text(&report["rows"]),
        text(&report["chains"]),
        text(&report["seals"]),
        text(&report["logs"])
    );
    if whole {
        println!("The records are whole: {looked_at}.");
        return;
    }
    println!("The records were changed; {} findings:", text(&report["found"]));
    for problem in report["problems"].as_array().into_iter().flatten() {
        println!("  - {}", text(&problem["message"]));
    }
    println!("What is whole: {looked_at}.");
}

//! `chiffon audit`: the log, and whether it is whole.

use crate::args::Output;
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::table::{self, text};

/// Prints a chain.
pub async fn log(api: &Api, output: Output, id: Option<&str>) -> Outcome {
    let chain = match id {
        Some(id) => api.request_id(id).await?,
        None => "system".to_owned(),
    };
    let listed = api.get("/audit", &[("chain", chain)]).await?;
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
        if whole {
            println!("The audit log is whole: {} rows in {} chains.", text(&report["rows"]), text(&report["chains"]));
        } else {
            println!("The audit log was changed: {}", text(&report["problem"]));
        }
    }
    Ok(if whole { Exit::Done } else { Exit::Failed })
}

//! `chiffon dead-letters`: messages that could not be handled.

use crate::args::Output;
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::table::{self, text};

/// Lists them with their reasons.
pub async fn list(api: &Api, output: Output) -> Outcome {
    let listed = api.get("/dead-letters", &[]).await?;
    if !table::json(output, &listed) {
        let table = rows(&listed)
            .map(|row| vec![text(&row["queue"]), text(&row["message_id"]), text(&row["code"]), text(&row["reason"])])
            .collect();
        table::print(&["QUEUE", "MESSAGE", "CODE", "REASON"], table, "No dead letters.");
    }
    Ok(Exit::Done)
}

//! `chiffon costs`: what models have cost.

use crate::args::Output;
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::table::{self, text};

/// Prints the cost by month, provider and model.
pub async fn run(api: &Api, output: Output) -> Outcome {
    let listed = api.get("/costs", &[]).await?;
    if !table::json(output, &listed) {
        let table = rows(&listed)
            .map(|row| {
                let month: String = text(&row["month"]).chars().take(7).collect();
                vec![
                    month,
                    text(&row["provider"]),
                    text(&row["model"]),
                    text(&row["calls"]),
                    format!("{:.4}", row["cost_usd"].as_f64().unwrap_or(0.0)),
                ]
            })
            .collect();
        table::print(&["MONTH", "PROVIDER", "MODEL", "CALLS", "USD"], table, "No model has been called. Plans were made offline.");
    }
    Ok(Exit::Done)
}

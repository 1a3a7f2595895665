//! `chiffon costs`: what models have cost.

use chiffon_process::{Clock as _, SystemClock};

use crate::args::{Costs, Output};
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::table::{self, text};
use crate::show::time;

/// Prints the cost by month, provider and model.
pub async fn run(api: &Api, output: Output, wanted: &Costs) -> Outcome {
    let mut query = Vec::new();
    if let Some(since) = &wanted.since {
        query.push(("since", time::moment(since, SystemClock.now())?));
    }
    if let Some(request) = &wanted.request {
        query.push(("request_id", api.request_id(request).await?));
    }
    let listed = api.get("/costs", &query).await?;
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
        table::print(
            &["MONTH", "PROVIDER", "MODEL", "CALLS", "USD"],
            table,
            if query.is_empty() { "No model has been called. Plans were made offline." } else { "No call fits." },
        );
    }
    Ok(Exit::Done)
}

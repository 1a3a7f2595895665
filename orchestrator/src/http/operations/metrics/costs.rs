//! What models have cost in this calendar month, and what they may.

use chiffon_kernel::http::problem::Failure;
use chiffon_models::store::read::costs;
use chiffon_protocol::money::MicroDollars;
use chrono::{Datelike, NaiveDate};

use super::exact;
use super::families::{Families, Kind, Sample};
use crate::http::HttpState;

/// Adds them.
pub(super) async fn add(families: &mut Families, state: &HttpState) -> Result<(), Failure> {
    let today = state.context.clock.now().date_naive();
    let month = NaiveDate::from_ymd_opt(today.year(), today.month(), 1).unwrap_or(today).and_time(chrono::NaiveTime::MIN).and_utc();
    let rows = costs::list(state.pool(), month, None).await?;
    let mut gauge = |name: &str, help: &str, samples: Vec<Sample>| families.add(Kind::Gauge, name, help, samples);
    let each = |value: fn(&costs::CostView) -> f64| {
        let labels = |row: &costs::CostView| {
            vec![("provider", row.provider.clone()), ("model", row.model.clone().unwrap_or_else(|| "none".to_owned()))]
        };
        rows.iter().map(|row| (labels(row), value(row))).collect::<Vec<_>>()
    };
    gauge("chiffon_model_month_cost_usd", "What a model has cost in this calendar month (UTC).", each(|row| dollars(row.cost_usd)));
    gauge("chiffon_model_month_reserved_usd", "What is reserved for its calls that are under way.", each(|row| dollars(row.reserved_usd)));
    gauge(
        "chiffon_model_month_calls",
        "Its calls in this calendar month, and those for which it was passed over.",
        each(|row| exact(row.calls)),
    );
    gauge("chiffon_model_month_calls_succeeded", "Those of them whose answer was used.", each(|row| exact(row.succeeded)));
    let budgets = state.context.planner.budgets();
    let budgets = budgets.into_iter().map(|(provider, most)| (vec![("provider", provider)], dollars(most))).collect();
    gauge("chiffon_model_month_budget_usd", "What a provider may cost in a calendar month, where it has a limit.", budgets);
    Ok(())
}

fn dollars(amount: MicroDollars) -> f64 {
    exact(amount.count()) / 1_000_000.0
}

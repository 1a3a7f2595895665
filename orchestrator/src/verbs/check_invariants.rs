//! Looking at all invariants once, and noting what was found where operators look.

use std::time::Duration;

use chiffon_kernel::domain::invariant::{Checked, Found, InvariantReport, Rule, Verdict};
use chiffon_kernel::store;
use chiffon_kernel::store::invariants::{self, Invariant, Limits};
use chiffon_requests::verbs::Context;
use chiffon_requests::verbs::enforce_deadlines::LONGEST_CALL;
use chrono::{DateTime, TimeDelta, Utc};

/// What ended before this is not looked at again.
const LOOK_BACK: TimeDelta = TimeDelta::days(1);
/// A background agent that has been at one look for longer hangs: no statement and no publish may take so long.
const LONGEST_LOOK: TimeDelta = TimeDelta::minutes(5);
/// The reapers need a lease to trust their ears and one to act: only after so many is time no excuse any more.
const LEASES_TO_SETTLE: u32 = 2;

/// What this process alone knows.
const HANGS: Rule = Rule {
    name: "background_hangs",
    is_about_time: false,
    sentence: "no background agent has been at one look for too long",
    advice: "restart this process, which hands its work to the others or to its next start; its log names the last thing that the agent said",
};

/// Looks at all of them; how many are violated. `steady_for` is for how long nothing has excused what is overdue.
pub async fn run(context: &Context, all: &[&'static Invariant], steady_for: Duration) -> Result<usize, store::Error> {
    let now = context.clock.now();
    let overdue_after = context.settings.watch.overdue_after;
    let settled = steady_for >= overdue_after + context.settings.agent_lease * LEASES_TO_SETTLE;
    let limits = Limits { now, overdue_after, since: now - LOOK_BACK, longest_call: LONGEST_CALL };
    let before = context.background.invariants();
    let mut connection = context.store.acquire().await?;
    let mut items = Vec::new();
    for invariant in all {
        let is_judged = settled || !invariant.rule.is_about_time;
        let found = if is_judged { Some(invariants::find(&mut connection, invariant, &limits).await?) } else { None };
        items.push(InvariantReport::judge(&invariant.rule, found, before.as_ref(), now));
    }
    items.push(InvariantReport::judge(&HANGS, Some(hanging(context, now)), before.as_ref(), now));
    drop(connection);
    let report = InvariantReport { checked_at: now, items };
    say_changes(before.as_ref(), &report);
    let violated = report.violated().count();
    context.background.set_invariants(report);
    Ok(violated)
}

fn hanging(context: &Context, now: DateTime<Utc>) -> Found {
    let statuses = context.background.all();
    let hangs = statuses.iter().filter(|(_, status)| status.looking_since.is_some_and(|since| now - since > LONGEST_LOOK));
    let examples: Vec<String> = hangs.map(|(name, _)| (*name).to_owned()).collect();
    Found { count: i64::try_from(examples.len()).unwrap_or(i64::MAX), examples }
}

/// Once when it begins and once when it ends; the time between is shown elsewhere.
fn say_changes(before: Option<&InvariantReport>, now: &InvariantReport) {
    let was_violated = |item: &Checked| before.is_some_and(|before| before.violated().any(|was| was.invariant == item.invariant));
    for item in &now.items {
        match (item.status, was_violated(item)) {
            (Verdict::Violated, false) => tracing::error!(
                invariant = item.invariant,
                count = item.count,
                examples = ?item.examples,
                "an invariant is violated: {}; what to do: {}",
                item.sentence,
                item.advice.as_deref().unwrap_or_default()
            ),
            (Verdict::Ok, true) => tracing::info!(invariant = item.invariant, "an invariant holds again: {}", item.sentence),
            (Verdict::Violated, true) | (Verdict::Ok, false) | (Verdict::NotJudged, _) => {}
        }
    }
}

//! Whether it lives, whether it can take work, and how its parts are. These need no token, because they tell no one's business.

pub(super) mod all;
pub(super) mod live;
pub(super) mod ready;

use std::time::Duration;

use chiffon_bus::Status;
use chiffon_fleet::store::read::agents;
use chiffon_kernel::store;
use chiffon_protocol::Problem;
use chiffon_protocol::kind::Kinds;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::HttpState;

/// A part that does not answer within this is not there.
const PATIENCE: Duration = Duration::from_secs(2);
/// A look at the invariants that is older than so many periods is none.
const LATE_LOOKS: u32 = 5;

/// One part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Check {
    /// `ok | degraded | down`
    status: &'static str,
    /// For people.
    text: String,
}

impl Check {
    fn ok(text: impl Into<String>) -> Self {
        Self { status: "ok", text: text.into() }
    }

    fn degraded(text: impl Into<String>) -> Self {
        Self { status: "degraded", text: text.into() }
    }

    fn down(text: impl Into<String>) -> Self {
        Self { status: "down", text: text.into() }
    }

    fn is_down(&self) -> bool {
        self.status == "down"
    }
}

/// Whether the database takes changes.
async fn database(state: &HttpState) -> Check {
    match tokio::time::timeout(PATIENCE, state.context.store.takes_writes()).await {
        Ok(Ok(())) => Check::ok("it answers, and takes changes"),
        Ok(Err(error)) => Check::down(Problem::from(error).message),
        Err(_) => Check::down(format!("it did not answer within {} s", PATIENCE.as_secs())),
    }
}

fn bus(state: &HttpState) -> Check {
    let driver = state.context.bus.driver();
    let status = state.context.bus.status().borrow().clone();
    match status {
        Status::Connected => returned(state).map_or_else(|| Check::ok(format!("{driver}: connected")), Check::degraded),
        Status::Disconnected(reason) => Check::down(format!("{driver}: {reason}")),
        Status::Blocked(reason) => Check::down(format!("{driver}: the broker takes nothing: {reason}")),
    }
}

/// What is wrong although the broker is there: messages that keep coming back. Which queues they are for is for those with a token.
fn returned(state: &HttpState) -> Option<String> {
    let back = state.context.background.keep_coming_back(state.context.clock.now());
    let times: u32 = back.iter().map(|(_, back)| back.times).fold(0, u32::saturating_add);
    (!back.is_empty()).then(|| {
        format!(
            "{}: connected, but {times} messages to {} queues came back, because the broker has no such queue: their agents have not declared \
             it, or somebody deleted it; `chiffon agents` shows who is there, `chiffon topology apply` declares what every installation has",
            state.context.bus.driver(),
            back.len()
        )
    })
}

fn planner(state: &HttpState) -> Check {
    let providers = state.context.planner.health();
    let text: Vec<String> = providers.iter().map(|(name, health)| format!("{name}: {health}")).collect();
    if providers.is_empty() { Check::down("there is no planner") } else { Check::ok(text.join("; ")) }
}

/// How many hold; which do not is for those with a token.
fn invariants(state: &HttpState) -> Check {
    let Some(report) = state.context.background.invariants() else { return Check::ok("not looked at yet") };
    let age = state.context.clock.now() - report.checked_at;
    let violated = report.violated().count();
    if violated > 0 {
        Check::degraded(format!("{violated} of {} are violated; `chiffon doctor` and GET /background name them", report.items.len()))
    } else if age.to_std().is_ok_and(|age| age > state.context.settings.watch.check_every * LATE_LOOKS) {
        Check::degraded(format!("not looked at for {} s; see `invariant_checker` in GET /background", age.num_seconds()))
    } else {
        Check::ok(format!("all {} hold", report.items.len()))
    }
}

async fn fleet(state: &HttpState) -> Check {
    let pool = state.pool();
    let look = async {
        Ok::<_, store::Error>((agents::alive(pool).await?, agents::count_refused(pool).await?, agents::count_with_problems(pool).await?))
    };
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(Ok((kinds, refused, with_problems))) => of_fleet(&kinds, refused, with_problems, &state.context.settings.kinds),
        Ok(Err(error)) => Check::down(Problem::from(error).message),
        Err(_) => Check::down("the database did not answer"),
    }
}

/// How many are there, and how many need a look; what it is about is for those with a token.
fn of_fleet(kinds: &[(String, i64, i64)], refused: i64, with_problems: i64, known: &Kinds) -> Check {
    let mut text: Vec<String> = kinds.iter().map(|(kind, alive, known)| format!("{kind}: {alive} of {known} connected")).collect();
    let refused = (refused > 0).then(|| format!("{refused} refused within the last day; `chiffon agents` says why, and what to do"));
    if kinds.iter().all(|(_, alive, _)| *alive == 0) {
        let next = refused.unwrap_or_else(|| format!("start one with {}", known.commands()));
        return Check::degraded(format!("no agent is connected, so nothing can run; {next}"));
    }
    text.extend(refused);
    if with_problems > 0 {
        text.push(format!("{with_problems} had to leave actions or hosts out; `chiffon agents` says which, and why"));
        return Check::degraded(text.join("; "));
    }
    Check::ok(text.join("; "))
}

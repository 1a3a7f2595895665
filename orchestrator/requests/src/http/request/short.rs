//! `GET /request/{id}/summary`: a request in short, for those who have little room.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use chiffon_kernel::http::answer::origin;
use chiffon_kernel::http::auth::{Caller, Proof};
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::money::MicroDollars;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::get::{RequestAnswer, show_to};
use super::id::{self, RequestId};
use crate::domain::in_short::{self, DiffStat};
use crate::http::HttpState;
use crate::store::read::request::{PlanView, RequestView};

/// A request in short.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RequestInShort {
    request_id: Uuid,
    /// As in the whole request.
    status: String,
    /// The first words.
    text: String,
    requested_by: String,
    /// The current plan.
    plan: Option<PlanInShort>,
    /// Why it stands, for people; null where it does not.
    waits: Option<String>,
    /// What became of it; null until it has ended.
    outcome: Option<Outcome>,
    /// What ended or stopped it, in words.
    error: Option<String>,
    /// The calls that make sense now for the caller.
    next: Vec<&'static str>,
    /// Where the page shows it.
    url: String,
}

/// A plan in short.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PlanInShort {
    revision: i32,
    /// What an approval names.
    sha256: Option<String>,
    state: String,
    /// What it is for, as the planner says.
    summary: String,
    /// The figures in one sentence.
    sentence: String,
    /// The titles of its steps.
    steps: Vec<String>,
    /// What it may touch.
    hosts: Vec<String>,
    /// The highest of its steps.
    risk: String,
    diffstat: DiffStat,
    /// What can't be taken back, and why, a sentence for each such step.
    irreversible: Vec<String>,
    estimated_seconds: f64,
    #[schema(value_type = f64)]
    estimated_cost_usd: MicroDollars,
    expires_at: Option<DateTime<Utc>>,
}

/// What became of a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RequestOutcome)]
pub(in crate::http) struct Outcome {
    /// When it ended.
    finished_at: DateTime<Utc>,
    /// In one sentence: "completed: 2 changes on nas".
    sentence: String,
    /// What was changed where, a preview's task that ran for real included; each host with the titles of the tasks.
    changed: Vec<ChangedOn>,
    /// Its commits in the audit repository, oldest first.
    commits: Vec<String>,
    /// So many records of it are still to be committed.
    commits_to_come: i64,
}

/// What was changed on a host.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ChangedOn {
    host: String,
    /// The names of the Ansible tasks that changed it; the title of the step where they are not known.
    changes: Vec<String>,
}

/// Shows a request in short: its plan as a sentence with hosts and figures, what can be done now,
/// what became of it once it has ended, and where the page shows all of it.
#[utoipa::path(
    get, path = "/request/{id}/summary", tag = "requests",
    params(("id" = Uuid, Path, description = id::WORDS)), responses((status = 200, body = RequestInShort))
)]
pub(in crate::http) async fn summary(
    State(state): State<HttpState>,
    caller: Caller,
    proof: Proof,
    RequestId(id): RequestId,
    headers: HeaderMap,
) -> Result<Json<RequestInShort>, Failure> {
    let RequestAnswer { request, next, .. } = show_to(&state, &caller, proof, id).await?;
    let url = format!("{}/ui/requests/{id}", origin(&state.options.public_url, &headers));
    Ok(Json(RequestInShort {
        request_id: id,
        outcome: outcome(&request),
        plan: request.plan.map(in_short),
        waits: request.waiting_for.map(|waits| waits.0.text),
        error: request.error.and_then(|error| error["message"].as_str().map(str::to_owned)),
        status: request.status,
        text: request.text,
        requested_by: request.requested_by,
        next,
        url,
    }))
}

fn outcome(request: &RequestView) -> Option<Outcome> {
    let finished_at = request.finished_at?;
    let mut changed: Vec<ChangedOn> = Vec::new();
    for one in &request.changed {
        let names = if one.changes.is_empty() { std::slice::from_ref(&one.title) } else { one.changes.as_slice() };
        match changed.iter_mut().find(|known| known.host == one.host) {
            Some(known) => known.changes.extend_from_slice(names),
            None => changed.push(ChangedOn { host: one.host.clone(), changes: names.to_vec() }),
        }
    }
    let hosts: Vec<String> = changed.iter().flat_map(|on| on.changes.iter().map(|_| on.host.clone())).collect();
    Some(Outcome {
        finished_at,
        sentence: format!("{}: {}", request.status, in_short::changed(&hosts)),
        changed,
        commits: request.commits.clone(),
        commits_to_come: request.commits_to_come,
    })
}

fn in_short(plan: PlanView) -> PlanInShort {
    let mut diffstat = DiffStat::default();
    for step in &plan.steps {
        diffstat.add(&step.step, &step.preview);
    }
    let hosts = in_short::hosts(plan.steps.iter().map(|step| &step.step));
    let irreversible = |(title, why): (&String, &String)| format!("{title}: {why}");
    PlanInShort {
        sentence: in_short::sentence(plan.steps.len(), &hosts, &plan.risk, &diffstat),
        irreversible: plan
            .steps
            .iter()
            .filter_map(|step| Some((&step.step.title, step.step.irreversible.as_ref()?)))
            .map(irreversible)
            .collect(),
        steps: plan.steps.iter().map(|step| step.step.title.clone()).collect(),
        revision: plan.revision,
        sha256: plan.sha256,
        state: plan.state.as_str().to_owned(),
        summary: plan.summary,
        hosts,
        risk: plan.risk,
        diffstat,
        estimated_seconds: plan.estimated_seconds,
        estimated_cost_usd: plan.estimated_cost_usd,
        expires_at: plan.expires_at,
    }
}

//! `GET /audit/verify`: checks that all records are as they were written, and says exactly what is not.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::input::Params;
use chiffon_kernel::http::problem::Failure;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::head;
use crate::http::HttpState;
use crate::verbs::verify_audit::{self, Report};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct VerifyQuery {
    /// A request's id, or `system`; everything when none is named, the audit repository included.
    #[param(pattern = "^(system|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$")]
    chain: Option<String>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Verified {
    /// Whether everything is as it was written, and nothing is missing.
    ok: bool,
    /// Chains that were found whole.
    chains: u64,
    /// Rows that are as they were written.
    rows: i64,
    /// Heads of ended requests in the system chain that fit.
    seals: u64,
    /// Logs that fit their digests.
    logs: u64,
    /// Logs that have expired; their digests are kept.
    logs_expired: u64,
    /// Commits that are as they were recorded; null when the repository was not looked at.
    commits: Option<u64>,
    /// Objects of the repository that are what their names say.
    objects: u64,
    /// `{code, message, details}` of the first thing that is not as it was written; null when there is none.
    #[schema(value_type = Option<Object>)]
    problem: Option<Value>,
    /// The same of each, at most a hundred.
    #[schema(value_type = Vec<Object>)]
    problems: Vec<Value>,
    /// How many there are.
    found: usize,
}

impl From<Report> for Verified {
    fn from(report: Report) -> Self {
        let problems: Vec<Value> = report.problems.iter().map(|problem| json!(problem)).collect();
        Self {
            ok: report.is_whole(),
            chains: report.chains,
            rows: report.rows,
            seals: report.seals,
            logs: report.logs,
            logs_expired: report.logs_expired,
            commits: report.commits,
            objects: report.objects,
            problem: problems.first().cloned(),
            problems,
            found: report.found,
        }
    }
}

/// Checks one chain of the audit log, or all records: chains, logs, and the audit repository.
#[utoipa::path(get, path = "/audit/verify", tag = "audit", params(VerifyQuery), responses((status = 200, body = Verified)))]
pub(in crate::http) async fn verify(
    State(state): State<HttpState>,
    caller: Caller,
    Params(query): Params<VerifyQuery>,
) -> Result<Json<Verified>, Failure> {
    let _place = state.limits.wait(&caller.0)?;
    let store = &state.context.store;
    let report = match query.chain {
        None => verify_audit::all(store, state.context.repository.as_ref()).await?,
        Some(name) => {
            let chain = head(&state, Some(name)).await?.chain;
            verify_audit::one(store, &chain).await?.unwrap_or_default()
        }
    };
    Ok(Json(report.into()))
}

//! `POST /dead-letters/purge`: throws away the content of all open ones that fit. Doing it twice is the same as once.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body;
use chiffon_kernel::http::input::moment;
use chiffon_kernel::http::problem::Failure;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::HttpState;
use crate::store::dead_letters::Which;
use crate::verbs::dead_letters::purge;

/// Which open ones: those that fit everything that is named, or all.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::http) struct PurgeBody {
    /// These.
    ids: Option<Vec<Uuid>>,
    /// From this queue.
    queue: Option<String>,
    /// Rejected with this code.
    code: Option<i32>,
    /// From this sender.
    sender: Option<String>,
    /// Died before this.
    #[serde(default, deserialize_with = "moment")]
    before: Option<DateTime<Utc>>,
    /// All of them; instead of anything else.
    all: bool,
}

/// What was purged.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Purged {
    /// How many.
    purged: usize,
}

/// Purges the open dead letters that fit.
#[utoipa::path(post, path = "/dead-letters/purge", tag = "dead letters", request_body = PurgeBody, responses((status = 200, body = Purged)))]
pub(in crate::http) async fn purge(
    State(state): State<HttpState>,
    caller: Caller,
    body::Json { value, .. }: body::Json<PurgeBody>,
) -> Result<Json<Purged>, Failure> {
    let PurgeBody { ids, queue, code, sender, before, all } = value;
    let which = Which { ids, queue, code, sender, before };
    Ok(Json(Purged { purged: purge::many(&state.context, &caller.0.name, &which, all).await? }))
}

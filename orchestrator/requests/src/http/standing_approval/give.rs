//! `POST /standing-approvals`: whoever has approved a plan stands for its steps in requests to come.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body::Json;
use chiffon_kernel::http::idempotency::{Answer, Once};
use chiffon_kernel::http::input::parse_id;
use serde::Deserialize;
use utoipa::ToSchema;

use super::get::{StandingAnswer, show};
use crate::domain::standing_approval::ScopeKind;
use crate::http::HttpState;
use crate::verbs::stand::{self, Stand};

/// A standing approval that is wanted.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct GiveBody {
    /// The request whose plan the caller has approved.
    #[schema(format = "uuid")]
    request_id: String,
    /// The plan's hash.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    plan_sha256: String,
    /// For how long, such as `30d`; left out as long as `policy.standing_valid_for` allows.
    #[serde(default, with = "humantime_serde")]
    #[schema(value_type = Option<String>)]
    valid_for: Option<Duration>,
    /// Whose requests it covers; left out those of whoever asked for this one.
    #[serde(default)]
    scope: ScopeKind,
    /// With the scope `origin`: the kinds of what has to have begun a request, such as `schedule`.
    #[serde(default)]
    origin_kinds: Vec<String>,
    /// Why.
    comment: Option<String>,
}

/// Stands for the steps of a plan that the caller has approved: the same steps, asked for again, run without a second word. Never for a plan
/// that removes something.
#[utoipa::path(
    post, path = "/standing-approvals", tag = "approvals", request_body = GiveBody, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, description = "It stands", body = StandingAnswer))
)]
pub(in crate::http) async fn give(State(state): State<HttpState>, call: Once<Json<GiveBody>>) -> Answer {
    let work = |caller: Caller, body: GiveBody| async move {
        let request_id = parse_id(&body.request_id)?;
        let GiveBody { plan_sha256, valid_for, scope, origin_kinds, comment, .. } = body;
        let input = Stand { request_id, plan_sha256, valid_for, scope, origin_kinds, comment };
        let id = stand::run(&state.context, &caller.0, input).await?;
        show(&state, id).await
    };
    call.answer(StatusCode::CREATED, work).await
}

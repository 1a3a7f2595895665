//! `POST /standing-approvals/{id}/withdraw`: nothing begins under it any more.

use axum::extract::State;
use axum::http::StatusCode;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body::OptionalJson;
use chiffon_kernel::http::idempotency::{Answer, Once};
use chiffon_kernel::http::input::Id;
use chiffon_kernel::http::problem::Failure;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::get::{StandingAnswer, show};
use crate::http::HttpState;
use crate::verbs::withdraw_standing;

/// Why.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct WithdrawBody {
    /// For the records.
    reason: Option<String>,
}

/// A standing approval that is withdrawn.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Withdrawn {
    #[serde(flatten)]
    standing: StandingAnswer,
    /// Requests that run under it and go on; `POST /cancel/{id}` stops one.
    going_on: Vec<Uuid>,
    /// The same in words.
    text: String,
}

/// Withdraws a standing approval: once this is answered, nothing begins under it any more. What runs goes on, and is named. Withdrawing it again
/// changes nothing. The body may be left out.
#[utoipa::path(
    post, path = "/standing-approvals/{id}/withdraw", tag = "approvals", request_body = Option<WithdrawBody>,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Withdrawn))
)]
pub(in crate::http) async fn withdraw(State(state): State<HttpState>, Id(id): Id, call: Once<OptionalJson<WithdrawBody>>) -> Answer {
    let work = |caller: Caller, body: Option<WithdrawBody>| async move {
        let reason = body.and_then(|body| body.reason);
        let going_on = withdraw_standing::run(&state.context, &caller.0, id, reason.as_deref()).await?;
        Ok::<_, Failure>(Withdrawn { standing: show(&state, id).await?, text: words(&going_on), going_on })
    };
    call.answer(StatusCode::OK, work).await
}

fn words(going_on: &[Uuid]) -> String {
    let begins = "Nothing begins under it any more";
    match going_on {
        [] => format!("{begins}, and nothing runs under it"),
        several => {
            let commands: Vec<String> = several.iter().map(|id| format!("`chiffon cancel {id}`")).collect();
            format!("{begins}. What runs under it goes on; {} stops it", commands.join(", "))
        }
    }
}

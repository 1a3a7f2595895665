//! `POST /hosts/{host}/release`: a person gives a reserved host back to other work.

use axum::extract::State;
use axum::http::StatusCode;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body::Json;
use chiffon_kernel::http::idempotency::{Answer, Once};
use chiffon_kernel::http::input::Name;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::HttpState;
use crate::verbs::release_host::{self, Released};

/// A person's word that nothing of the stopped run is left.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ReleaseBody {
    /// How they know. Needed.
    comment: Option<String>,
}

/// Gives a reserved host back: the caller says that nothing of the stopped run is left there. Other work for it goes on.
#[utoipa::path(
    post, path = "/hosts/{host}/release", tag = "hosts", request_body = ReleaseBody,
    params(("host" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Released))
)]
pub(in crate::http) async fn release(State(state): State<HttpState>, Name(host): Name, call: Once<Json<ReleaseBody>>) -> Answer {
    let work = |caller: Caller, body: ReleaseBody| async move {
        release_host::run(&state.context, &caller.0, &host, body.comment.as_deref()).await
    };
    call.answer(StatusCode::OK, work).await
}

//! `POST /hosts/{host}/release`: a person gives a reserved host back to other work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::body;
use chiffon_kernel::http::idempotency::{Key, once};
use chiffon_kernel::http::input::Name;
use chiffon_kernel::http::problem::Failure;
use serde::Deserialize;
use serde_json::{Value, json};
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
pub(in crate::http) async fn release(
    State(state): State<HttpState>,
    caller: Caller,
    Name(host): Name,
    key: Key,
    body::Json { value, bytes }: body::Json<ReleaseBody>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let released = release_host::run(&state.context, &caller.0, &host, value.comment.as_deref());
    let work = Box::pin(async { Ok((StatusCode::OK, json!(released.await?))) });
    let (status, released) = once(&state, &caller, key, &bytes, work).await?;
    Ok((status, Json(released)))
}

//! `POST /webhooks/{name}/try`: says what a call with this body would ask, and asks nothing.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::body;
use chiffon_kernel::http::input::Name;
use chiffon_kernel::http::problem::Failure;
use serde_json::Value;

use crate::http::HttpState;
use crate::verbs::try_out::{self as verb, Tried};

/// Says what a call with this body would ask, and asks nothing.
#[utoipa::path(
    post, path = "/webhooks/{name}/try", tag = "webhooks", params(("name" = String, Path)), request_body = Object,
    responses((status = 200, body = Tried))
)]
pub(in crate::http) async fn try_out(
    State(state): State<HttpState>,
    Name(name): Name,
    body::Json { value, .. }: body::Json<Value>,
) -> Result<Json<Tried>, Failure> {
    let hook = state.context.hook(&name)?;
    Ok(Json(verb::run(&state.context, hook, &value).await?))
}

//! `POST /notifications/channels/{name}/test`: sends a message to a channel now.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::auth::Caller;
use chiffon_kernel::http::input::Name;
use chiffon_kernel::http::problem::Failure;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::HttpState;
use crate::verbs::test as verb;

/// A channel that took a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestedChannel)]
pub(in crate::http) struct Tested {
    /// The channel.
    channel: String,
}

/// Sends a message to a channel, and waits for how that goes.
#[utoipa::path(
    post, path = "/notifications/channels/{name}/test", tag = "notifications", params(("name" = String, Path)),
    responses((status = 200, body = Tested), (status = 502, description = "The receiver did not take it; the message says why"))
)]
pub(in crate::http) async fn test(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    Name(channel): Name,
) -> Result<Json<Tested>, Failure> {
    verb::run(&state.context, &caller, &channel).await?;
    Ok(Json(Tested { channel }))
}

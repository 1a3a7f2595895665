//! `POST /session/oidc/leave`: signs this browser out, and says where to go to be signed out at the provider, too.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::AppendHeaders;
use chiffon_kernel::http::answer::origin;
use chiffon_kernel::http::auth::{Caller, Proof};
use chiffon_kernel::http::cookie;
use chiffon_kernel::http::problem::Failure;
use chiffon_kernel::store::sessions::Listed;
use chiffon_protocol::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{HttpState, PAGE};
use crate::verbs::leave;

/// A browser that was signed out here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LeftSession {
    session: Listed,
    /// The page of the provider that signs out there, too, and sends the browser back to `/ui/signin`; null where there is none, or this
    /// session did not come from it.
    url: Option<String>,
}

/// Signs this browser out, however it has signed in.
#[utoipa::path(post, path = "/session/oidc/leave", tag = "sessions", responses((status = 200, body = LeftSession)))]
pub(super) async fn leave(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    proof: Proof,
    headers: HeaderMap,
) -> Result<(AppendHeaders<[(header::HeaderName, String); 1]>, Json<LeftSession>), Failure> {
    let server = &state.server;
    let Proof::Session { id, .. } = proof else {
        return Err(Failure::new(
            ErrorCode::SessionNotFound,
            "the call came with a token, and not from a signed-in browser; `DELETE /sessions/{id}` ends one from afar",
        ));
    };
    let back = format!("{}{PAGE}", origin(&server.options.public_url, &headers));
    let (session, url) = leave::leave(&server.context, state.provider.as_deref(), &caller, id, &back).await?;
    Ok((AppendHeaders([(header::SET_COOKIE, cookie::taken(server))]), Json(LeftSession { session, url })))
}

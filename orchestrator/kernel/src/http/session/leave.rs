//! `DELETE /session`: signs this browser out.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::AppendHeaders;
use chiffon_protocol::ErrorCode;

use crate::http::auth::{Caller, Proof};
use crate::http::cookie;
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::sessions::Listed;
use crate::verbs::sessions;

/// Signs this browser out.
#[utoipa::path(delete, path = "/session", tag = "sessions", responses((status = 200, body = Listed)))]
pub(in crate::http) async fn leave(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    proof: Proof,
) -> Result<(AppendHeaders<[(header::HeaderName, String); 1]>, Json<Listed>), Failure> {
    let Proof::Session { id, .. } = proof else {
        return Err(Failure::new(
            ErrorCode::SessionNotFound,
            "the call came with a token, and not from a signed-in browser; `DELETE /sessions/{id}` ends one from afar",
        ));
    };
    let ended = sessions::end(&state.context, &caller, id).await?;
    Ok((AppendHeaders([(header::SET_COOKIE, cookie::taken(&state))]), Json(ended)))
}

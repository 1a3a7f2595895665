//! `POST /session/oidc`: begins a sign-in by the provider, and says where the browser goes.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::AppendHeaders;
use chiffon_kernel::http::answer::origin;
use chiffon_kernel::http::auth::{self, From};
use chiffon_kernel::http::cookie;
use chiffon_kernel::http::problem::Failure;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::{COOKIE, HttpState, PAGE};
use crate::verbs::begin;

/// A sign-in that was begun. What ties it to this browser is in the cookie.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BegunSignIn {
    /// The provider's page. It sends the browser back to `/ui/signin` with `code` and `state`.
    url: String,
}

/// Begins a sign-in by the provider.
#[utoipa::path(
    post, path = "/session/oidc", tag = "sessions",
    responses((status = 201, body = BegunSignIn), (status = 429, description = "Too many were begun from this address"))
)]
pub(super) async fn begin(
    State(state): State<HttpState>,
    From(peer): From,
    headers: HeaderMap,
) -> Result<(StatusCode, AppendHeaders<[(header::HeaderName, String); 1]>, Json<BegunSignIn>), Failure> {
    let (server, provider) = (&state.server, state.provider()?);
    auth::check_page(server, &headers)?;
    server.limits.sign_in(peer, server.context.clock.elapsed())?;
    let redirect_uri = format!("{}{PAGE}", origin(&server.options.public_url, &headers));
    let begun = begin::begin(&server.context, provider, &redirect_uri).await?;
    let given = cookie::given_as(server, COOKIE, begun.browser.expose_secret(), begin::VALID_FOR);
    Ok((StatusCode::CREATED, AppendHeaders([(header::SET_COOKIE, given)]), Json(BegunSignIn { url: begun.url })))
}

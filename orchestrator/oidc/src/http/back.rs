//! `POST /session/oidc/return`: the browser is back from the provider, and is signed in.

use axum::extract::State;
use axum::http::HeaderMap;
use chiffon_kernel::http::auth::{self, From};
use chiffon_kernel::http::problem::Failure;
use chiffon_kernel::http::session::open::{Answer, OpenedSession, browser, enter};
use chiffon_kernel::http::{body, cookie};
use chiffon_protocol::ErrorCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{COOKIE, HttpState};
use crate::verbs::finish::{self, Return};

/// With what the provider has sent the browser back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReturnBody {
    /// `code` of the address.
    #[schema(value_type = String)]
    code: SecretString,
    /// `state` of the address.
    #[schema(value_type = String)]
    state: SecretString,
}

/// Signs a browser in that the provider has sent back: once, and only the one that has begun it.
#[utoipa::path(
    post, path = "/session/oidc/return", tag = "sessions", request_body = ReturnBody,
    responses((status = 201, body = OpenedSession), (status = 429, description = "Too much that does not count has come from this address"))
)]
pub(super) async fn back(
    State(state): State<HttpState>,
    From(peer): From,
    headers: HeaderMap,
    body::Json { value, .. }: body::Json<ReturnBody>,
) -> Result<Answer, Failure> {
    let (server, provider) = (&state.server, state.provider()?);
    auth::check_page(server, &headers)?;
    let now = server.context.clock.elapsed();
    server.limits.may_try(peer, &[], now)?;
    let cookies = cookie::held_as(server, COOKIE, &headers);
    let (code, given) = (value.code.expose_secret(), value.state.expose_secret());
    let back = Return { state: given, code, cookies: &cookies, browser: browser(&headers) };
    let opened = finish::finish(&server.context, provider, back).await.map_err(|problem| match problem.code {
        ErrorCode::OidcRefused => server.limits.does_not_count(peer, now, problem.into()),
        _ => problem.into(),
    })?;
    enter(server, &headers, opened).await
}

//! The HTTP interface of signing in by a provider: a browser asks where to go, comes back, and leaves.
//!
//! The provider sends the browser back to our page, which is a file and changes nothing. The page then calls us as it always does, so its call
//! is one of our own site: the cookies are `SameSite=Strict`, and the call is refused if another page makes it.

mod back;
mod begin;
mod leave;
mod shown;

use std::sync::Arc;

use axum::extract::FromRef;
use chiffon_kernel::domain::permissions::SESSIONS_OWN;
use chiffon_kernel::http::problem::Failure;
use chiffon_kernel::http::table::{Routes, Table};
use chiffon_protocol::ErrorCode;
use utoipa_axum::routes;

use crate::verbs::provider::Provider;

/// Where in our page the provider sends the browser back to, and where it goes after signing out there.
const PAGE: &str = "/ui/signin";
/// What the cookie of a sign-in that was begun is called, behind what all of this installation's begin with.
const COOKIE: &str = "oidc";

/// What the endpoints here work with.
#[derive(Debug, Clone)]
pub struct HttpState {
    server: chiffon_kernel::http::HttpState,
    provider: Option<Arc<Provider>>,
}

impl HttpState {
    /// Of this server, with this provider.
    pub fn new(server: chiffon_kernel::http::HttpState, provider: Option<Arc<Provider>>) -> Self {
        Self { server, provider }
    }

    fn provider(&self) -> Result<&Provider, Failure> {
        self.provider.as_deref().ok_or_else(|| {
            Failure::new(
                ErrorCode::OidcNotConfigured,
                "no OpenID Connect provider is set up here (`oidc.issuer`); sign in with a link of `chiffon login`, a password or a token",
            )
        })
    }
}

impl FromRef<HttpState> for chiffon_kernel::http::HttpState {
    fn from_ref(state: &HttpState) -> Self {
        state.server.clone()
    }
}

/// The endpoints here, each with what it needs.
pub fn routes(server: &chiffon_kernel::http::HttpState, state: HttpState) -> Routes {
    Table::new(server, state)
        .open(routes!(shown::shown, begin::begin))
        .open(routes!(back::back))
        .needs(SESSIONS_OWN, routes!(leave::leave))
        .done()
}

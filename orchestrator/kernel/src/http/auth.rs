//! Who calls, and whether they may: bearer tokens, the permission that an endpoint needs, and the time that its calls may take.

use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chiffon_protocol::ErrorCode;
use tokio::time::Instant;

use super::idempotency::Replayed;
use super::limits::Peer;
use super::problem::Failure;
use super::state::HttpState;
use crate::domain::permission::Permission;
use crate::domain::role::Principal;
use crate::store;
use crate::verbs::tokens;

/// What stands before an endpoint.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) state: HttpState,
    /// `None`: anybody, without a token.
    pub(super) permission: Option<Permission>,
    pub(super) limit: Duration,
}

/// When the whole call must have come: its callers may ask for a wait, but not for one by sending slowly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) by: Instant,
    pub(super) within: Duration,
}

/// The layer of each endpoint.
pub(super) async fn guard(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let limit = gate.limit;
    let within = gate.state.options.request_timeout;
    request.extensions_mut().insert(Arrival { by: Instant::now() + within, within });
    tokio::time::timeout(limit, admit(gate, request, next)).await.unwrap_or_else(|_| too_slow(limit).into_response())
}

fn too_slow(limit: Duration) -> Failure {
    Failure::new(
        ErrorCode::Timeout,
        format!("the call was not done within {} s; look whether it had an effect before trying again", limit.as_secs()),
    )
}

async fn admit(gate: Gate, mut request: Request, next: Next) -> Response {
    if let Some(permission) = gate.permission {
        let peer = request.extensions().get::<Peer>().copied().unwrap_or_default();
        // A wait that the caller may ask for is no reason to look for the caller for longer.
        let within = gate.state.options.request_timeout;
        let looked = tokio::time::timeout(within, known(&gate.state, peer, request.headers(), &permission)).await;
        match looked.unwrap_or_else(|_| Err(too_slow(within))) {
            Ok(principal) => drop(request.extensions_mut().insert(Caller(principal))),
            Err(failure) => return failure.into_response(),
        }
    }
    let replayed = Replayed::default();
    request.extensions_mut().insert(replayed.clone());
    let mut response = next.run(request).await;
    replayed.tell(&mut response);
    response
}

/// Who calls, if they may call this and do not call too often.
async fn known(state: &HttpState, peer: Peer, headers: &HeaderMap, permission: &Permission) -> Result<Principal, Failure> {
    let principal = authenticate(state, peer, headers).await?;
    state.limits.call(&principal, state.context.clock.elapsed())?;
    // For what exactly is looked at where it is known, by the use case.
    if principal.may_somewhere(permission) { Ok(principal) } else { Err(permission.refused(&principal).into()) }
}

async fn authenticate(state: &HttpState, peer: Peer, headers: &HeaderMap) -> Result<Principal, Failure> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(refused("there is no token: send `Authorization: Bearer chf_...`; `chiffon token create` makes one"));
    };
    let token = value.to_str().ok().and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let now = state.context.clock.elapsed();
    let token = match token {
        Some((_, token)) if tokens::is_plausible(token.trim()) => token.trim(),
        Some(_) => {
            let why = "the token does not look like one of Chiffon's (`chf_` and 43 letters, digits, `-` and `_`); was it cut off?";
            return Err(state.limits.does_not_count(peer, now, refused(why)));
        }
        None => return Err(refused("the Authorization header is not of the form `Bearer chf_...`")),
    };
    let hash = tokens::sha256(token);
    state.limits.may_try(peer, &hash, now)?;
    let found = {
        let mut connection = state.context.store.acquire().await?;
        store::tokens::find(&mut connection, &hash).await?
    };
    match owner(state, found) {
        Ok(principal) => {
            state.limits.counts(&hash);
            Ok(principal)
        }
        Err(why) => Err(state.limits.does_not_count(peer, now, refused(&why))),
    }
}

/// Whose token it is, or why it does not count.
fn owner(state: &HttpState, found: Option<store::tokens::Found>) -> Result<Principal, String> {
    let found = found.ok_or("the token is not known here; `chiffon token create` makes one")?;
    if let Some(at) = found.revoked_at {
        return Err(format!("the token of `{}` was taken back at {at}; `chiffon token create` makes a new one", found.principal.name));
    }
    match found.expires_at {
        Some(at) if at <= state.context.clock.now() => {
            Err(format!("the token of `{}` expired at {at}; `chiffon token create` makes a new one", found.principal.name))
        }
        _ => Ok(found.principal),
    }
}

fn refused(why: &str) -> Failure {
    Failure::new(ErrorCode::NotAuthenticated, why)
}

/// Who calls. Endpoints that anybody may call have none.
#[derive(Debug, Clone)]
pub struct Caller(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller
            .ok_or_else(|| Failure::new(ErrorCode::Internal, "an endpoint asks for its caller but needs no permission in the route table"))
    }
}

//! Who calls, and whether they may: bearer tokens, the cookies of signed-in browsers, the permission that an endpoint needs, and the time
//! that its calls may take.

use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chiffon_protocol::ErrorCode;
use chrono::TimeDelta;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::idempotency::Replayed;
use super::limits::Peer;
use super::problem::Failure;
use super::rate::Left;
use super::state::HttpState;
use super::{cookie, etag, holders};
use crate::domain::permission::Permission;
use crate::domain::permissions::{KEYS_MANAGE, PEOPLE_READ, SESSIONS_OWN, TOKENS_MANAGE};
use crate::domain::role::Principal;
use crate::store;
use crate::store::sessions::Found;
use crate::verbs::login_links::Maker;
use crate::verbs::{sessions, tokens};

/// The use of a token is noted this often at most: a call does not write.
const NOTED_EVERY: TimeDelta = TimeDelta::hours(1);
/// So many cookies of our name are looked at.
const MOST_COOKIES: usize = 4;

/// What stands before an endpoint.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) state: HttpState,
    /// `None`: anybody, without a token.
    pub(super) permission: Option<Permission>,
    /// Whether narrow sessions may come in, whatever it does.
    pub(super) admits_narrow: bool,
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
    let (mut left, mut caller) = (None, None);
    if let Some(permission) = gate.permission {
        match let_in(&gate, &mut request, &permission, &mut left).await {
            Ok(principal) => caller = Some(principal),
            Err(mut refused) => {
                tell_left(&gate, left, &mut refused);
                return refused;
            }
        }
    }
    let known_tag = etag::known(&request);
    let replayed = Replayed::default();
    request.extensions_mut().insert(replayed.clone());
    let mut response = next.run(request).await;
    replayed.tell(&mut response);
    tell_left(&gate, left, &mut response);
    if let Some(caller) = caller {
        holders::tell(&gate.state, &caller, &mut response).await;
    }
    match known_tag {
        Some(known) => etag::answer(&known, response).await,
        None => response,
    }
}

/// The caller, who stands in the request from then on, or why they may not come in. What is left of their allowance is told either way.
async fn let_in(gate: &Gate, request: &mut Request, permission: &Permission, left: &mut Option<Left>) -> Result<Principal, Response> {
    let peer = request.extensions().get::<Peer>().copied().unwrap_or_default();
    // A wait that the caller may ask for is no reason to look for the caller for longer.
    let within = gate.state.options.request_timeout;
    let looked = tokio::time::timeout(within, known(&gate.state, peer, (request.method(), request.headers()), left)).await;
    let (principal, proof) = looked.unwrap_or_else(|_| Err(too_slow(within))).map_err(Failure::into_response)?;
    if proof.is_narrow() {
        gate.admit_narrow(request.method(), permission, &principal).map_err(Failure::into_response)?;
    }
    // For what exactly is looked at where it is known, by the use case; what is held everywhere or not at all is known here.
    if !principal.may_somewhere(permission) {
        let mut refused = Failure::from(permission.refused(&principal)).into_response();
        holders::tell(&gate.state, &principal, &mut refused).await;
        return Err(refused);
    }
    request.extensions_mut().insert(Caller(principal.clone()));
    request.extensions_mut().insert(proof);
    Ok(principal)
}

/// What a browser that was signed in by a notification's link does not even read: it is about who may do what, and is as good as a way in.
const CLOSED: [Permission; 4] = [SESSIONS_OWN, PEOPLE_READ, TOKENS_MANAGE, KEYS_MANAGE];

impl Gate {
    /// Refuses what a narrow session is not for ([`ErrorCode::NarrowSession`]).
    fn admit_narrow(&self, method: &Method, permission: &Permission, principal: &Principal) -> Result<(), Failure> {
        let reads = method.is_safe() && !CLOSED.contains(permission);
        if self.admits_narrow || reads { Ok(()) } else { Err(sessions::narrow(principal, permission.lets).into()) }
    }
}

fn tell_left(gate: &Gate, left: Option<Left>, response: &mut Response) {
    if let Some(left) = left {
        gate.state.limits.tell(left, response.headers_mut());
    }
}

/// What of a call says who makes it.
type Call<'c> = (&'c Method, &'c HeaderMap);

/// Who calls, if they do not call too often.
async fn known(state: &HttpState, peer: Peer, call: Call<'_>, left: &mut Option<Left>) -> Result<(Principal, Proof), Failure> {
    let (principal, proof) = authenticate(state, peer, call).await?;
    let (now_left, counted) = state.limits.call(&principal, state.context.clock.elapsed());
    *left = Some(now_left);
    counted.map(|()| (principal, proof))
}

async fn authenticate(state: &HttpState, peer: Peer, (method, headers): Call<'_>) -> Result<(Principal, Proof), Failure> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let held = cookie::held(state, headers);
        if held.is_empty() {
            return Err(refused(
                "there is no token: send `Authorization: Bearer chf_...` (`chiffon token create` makes one), or sign the browser in (`chiffon login`)",
            ));
        }
        if !method.is_safe() {
            check_page(state, headers)?;
        }
        return by_sessions(state, peer, &held).await;
    };
    let token = value.to_str().ok().and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else {
        return Err(refused("the Authorization header is not of the form `Bearer chf_...`"));
    };
    let (principal, token_id) = by_token(state, peer, token).await?;
    Ok((principal, Proof::Token(token_id)))
}

/// Whose token this is, and which.
pub(super) async fn by_token(state: &HttpState, peer: Peer, token: &str) -> Result<(Principal, Uuid), Failure> {
    let (token, now) = (token.trim(), state.context.clock.elapsed());
    if !tokens::is_plausible(token) {
        let why = "the token does not look like one of Chiffon's (`chf_` and 43 letters, digits, `-` and `_`); was it cut off?";
        return Err(state.limits.does_not_count(peer, now, refused(why)));
    }
    let hash = tokens::sha256(token);
    state.limits.may_try(peer, &hash, now)?;
    let mut connection = state.context.store.acquire().await?;
    let found = store::tokens::find(&mut connection, &hash).await?;
    let last_used_at = found.as_ref().and_then(|found| found.last_used_at);
    match owner(state, found) {
        Ok(owner) => {
            state.limits.counts(&hash);
            let at = state.context.clock.now();
            if last_used_at.is_none_or(|noted| at - noted >= NOTED_EVERY) {
                store::tokens::touch(&mut connection, owner.1, at, at - NOTED_EVERY).await?;
            }
            Ok(owner)
        }
        Err(why) => Err(state.limits.does_not_count(peer, now, refused(&why))),
    }
}

/// Who is signed in with one of these cookies. There are several where somebody else on this host has set one of our name, too.
async fn by_sessions(state: &HttpState, peer: Peer, held: &[String]) -> Result<(Principal, Proof), Failure> {
    let mut last = Err(refused("there is no session"));
    for secret in held.iter().take(MOST_COOKIES) {
        last = by_session(state, peer, secret).await;
        if last.is_ok() {
            break;
        }
    }
    last
}

/// Who is signed in with this cookie.
async fn by_session(state: &HttpState, peer: Peer, secret: &str) -> Result<(Principal, Proof), Failure> {
    let now = state.context.clock.elapsed();
    let not = |why: &str| state.limits.does_not_count(peer, now, refused(&format!("{why}; sign in anew, with a link of `chiffon login`")));
    if !sessions::is_plausible(secret) {
        return Err(not("the browser's cookie is not one of a session"));
    }
    let hash = tokens::sha256(secret);
    state.limits.may_try(peer, &hash, now)?;
    match sessions::used(&state.context, &hash).await? {
        Ok(found) => {
            state.limits.counts(&hash);
            Ok((found.principal, Proof::Session { id: found.id, token_id: found.token_id, is_narrow: found.is_narrow }))
        }
        Err(why) => Err(not(&why)),
    }
}

/// Who is signed in with this browser, if anybody is.
pub async fn signed_in(state: &HttpState, headers: &HeaderMap) -> Result<Option<Found>, Failure> {
    for secret in cookie::held(state, headers).iter().filter(|held| sessions::is_plausible(held)).take(MOST_COOKIES) {
        if let Ok(found) = sessions::used(&state.context, &tokens::sha256(secret)).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Refuses a call that a browser makes for another page than ours: its cookie comes along where it should not, such as from another port of
/// the same host. (OWASP, Cross-Site Request Forgery Prevention: verifying the origin with standard headers.)
pub fn check_page(state: &HttpState, headers: &HeaderMap) -> Result<(), Failure> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        // No browser leaves it out of a call that changes something; without a cookie there is nothing to protect.
        if cookie::held(state, headers).is_empty() {
            return Ok(());
        }
        return Err(Failure::new(
            ErrorCode::CrossOrigin,
            "the call has a browser's cookie and does not say by which page it is made (Origin); programs send a token in its place",
        ));
    };
    let page = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok()).and_then(|page| page.authority().cloned());
    let called = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let public = state.options.public_url.parse::<Uri>().ok().and_then(|url| url.authority().cloned());
    if page.is_some() && (page == called || page == public) {
        return Ok(());
    }
    let shown: String = origin.to_str().unwrap_or("?").chars().take(100).collect();
    let message = format!(
        "the call comes from the page {shown}, and this server is called as {}; use its own page, or set `http.public_url` to the address \
         at which people open it",
        called.map_or_else(String::new, |host| host.to_string())
    );
    Err(Failure::new(ErrorCode::CrossOrigin, message).with_details(json!({"origin": shown})))
}

/// Whose token it is, or why it does not count.
fn owner(state: &HttpState, found: Option<store::tokens::Found>) -> Result<(Principal, Uuid), String> {
    let found = found.ok_or("the token is not known here; `chiffon token create` makes one")?;
    if let Some(at) = found.revoked_at {
        return Err(format!("the token of `{}` was taken back at {at}; `chiffon token create` makes a new one", found.principal.name));
    }
    match found.expires_at {
        Some(at) if at <= state.context.clock.now() => {
            Err(format!("the token of `{}` expired at {at}; `chiffon token create` makes a new one", found.principal.name))
        }
        _ => Ok((found.principal, found.id)),
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

/// By what its caller is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A token.
    Token(Uuid),
    /// A signed-in browser.
    Session {
        /// The session.
        id: Uuid,
        /// The token with which it ends.
        token_id: Option<Uuid>,
        /// Whether it is for looking, and for deciding about the plans of its links.
        is_narrow: bool,
    },
}

impl Proof {
    pub(super) fn maker(self) -> Maker {
        match self {
            Self::Token(id) => Maker { token_id: Some(id), session_id: None },
            Self::Session { id, token_id, .. } => Maker { token_id, session_id: Some(id) },
        }
    }

    /// Whether it is a browser that the link of a notification has signed in.
    pub fn is_narrow(self) -> bool {
        matches!(self, Self::Session { is_narrow: true, .. })
    }

    /// The narrow session, if it is one.
    pub fn narrow_session(self) -> Option<Uuid> {
        match self {
            Self::Session { id, is_narrow: true, .. } => Some(id),
            _ => None,
        }
    }

    /// Whether it still counts, for what goes on after the caller was let in.
    pub async fn counts(self, state: &HttpState) -> Result<bool, store::Error> {
        match self {
            Self::Token(id) => {
                let mut connection = state.context.store.acquire().await?;
                store::tokens::counts(&mut connection, id, state.context.clock.now()).await
            }
            Self::Session { id, .. } => sessions::counts(&state.context, id).await,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Proof {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let proof = parts.extensions.get::<Self>().copied();
        proof.ok_or_else(|| Failure::new(ErrorCode::Internal, "an endpoint asks by what its caller is known, but needs no permission"))
    }
}

/// The address that a call comes from.
pub struct From(pub Peer);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get::<Peer>().copied().unwrap_or_default()))
    }
}

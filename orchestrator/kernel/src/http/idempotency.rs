//! `Idempotency-Key`: the same call with the same key is done once and answered the same; another call with it is refused.
//!
//! What is kept is the answer to a call that was done. A call that was refused did nothing, so it can be made again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use chiffon_protocol::{ErrorCode, canonical};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::auth::Caller;
use super::body::Body;
use super::problem::Failure;
use super::state::HttpState;
use crate::store::idempotency::{self, Reservation};

/// The most characters of a key.
pub const LONGEST: usize = 200;

/// The key of a call, with what names the call.
#[derive(Debug, Clone)]
pub struct Key {
    given: Option<String>,
    call: String,
    answer: Replayed,
}

/// Whether a call is answered with what was kept; its answer says so in the header `Idempotency-Replayed: true`.
#[derive(Debug, Clone, Default)]
pub struct Replayed(Arc<AtomicBool>);

impl Replayed {
    const HEADER: HeaderName = HeaderName::from_static("idempotency-replayed");

    /// Writes it into the call's answer.
    pub fn tell(&self, response: &mut Response) {
        if self.0.load(Ordering::Relaxed) {
            response.headers_mut().insert(Self::HEADER, HeaderValue::from_static("true"));
        }
    }
}

impl Key {
    /// What the caller gave.
    pub fn given(&self) -> Option<String> {
        self.given.clone()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let replayed = parts.extensions.get::<Replayed>().cloned().unwrap_or_default();
        let call = format!("{} {}", parts.method, parts.uri.path());
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(Self { given: None, call, answer: replayed });
        };
        match value.to_str() {
            Ok(key) if (1..=LONGEST).contains(&key.len()) => Ok(Self { given: Some(key.to_owned()), call, answer: replayed }),
            _ => Err(Failure::new(ErrorCode::InvalidQuery, format!("the Idempotency-Key is not 1 to {LONGEST} visible ASCII characters"))),
        }
    }
}

/// A call that changes something: who makes it, what it says, and the key under which it is done once.
#[derive(Debug)]
pub struct Once<B> {
    /// Who calls.
    pub caller: Caller,
    /// Under which it is done once.
    pub key: Key,
    /// What it says.
    pub body: B,
    state: HttpState,
}

/// What such a call is answered with.
pub type Answer = Result<(StatusCode, Json<Value>), Failure>;

impl<S, B> FromRequest<S> for Once<B>
where
    HttpState: FromRef<S>,
    S: Send + Sync,
    B: FromRequest<S, Rejection = Failure>,
{
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, state).await?;
        let key = Key::from_request_parts(&mut parts, state).await?;
        let body = B::from_request(Request::from_parts(parts, body), state).await?;
        Ok(Self { caller, key, body, state: HttpState::from_ref(state) })
    }
}

impl<B: Body> Once<B> {
    /// Does it and answers with this status, unless its key says that it was done: then the answer is the same as it was.
    pub async fn answer<T, E, F>(self, status: StatusCode, work: impl FnOnce(Caller, B::Value) -> F) -> Answer
    where
        T: Serialize,
        Failure: From<E>,
        F: Future<Output = Result<T, E>>,
    {
        let Self { caller, key, body, state } = self;
        let (value, bytes) = body.into_parts();
        let of_caller = caller.0.id;
        let work = Box::pin(work(caller, value));
        let done = async { Ok((status, serde_json::to_value(work.await?).map_err(|error| unanswerable(&error))?)) };
        let (status, answer) = once(&state, of_caller, key, &bytes, done).await?;
        Ok((status, Json(answer)))
    }
}

fn unanswerable(error: &serde_json::Error) -> Failure {
    Failure::new(ErrorCode::Internal, format!("it was done, but its answer can't be written: {error}"))
}

async fn once<F>(state: &HttpState, principal: Uuid, key: Key, body: &[u8], work: F) -> Result<(StatusCode, Value), Failure>
where
    F: Future<Output = Result<(StatusCode, Value), Failure>>,
{
    let Key { given: Some(key), call, answer: replayed } = key else { return work.await };
    let mut digest = Sha256::new();
    digest.update(call.as_bytes());
    digest.update([0]);
    digest.update(body);
    let call_sha256 = canonical::hex(&digest.finalize());
    let reservation = {
        let mut connection = state.context.store.acquire().await?;
        idempotency::reserve(&mut connection, principal, &key, &call_sha256, state.context.clock.now()).await?
    };
    match reservation {
        Reservation::Reserved => {}
        Reservation::Answered(status, body) => {
            replayed.0.store(true, Ordering::Relaxed);
            return Ok((StatusCode::from_u16(status).unwrap_or(StatusCode::OK), body));
        }
        Reservation::UnderWay => {
            return Err(Failure::new(
                ErrorCode::CallUnderWay,
                "a call with this Idempotency-Key is under way; try again in a few seconds with the same key",
            ));
        }
        Reservation::OtherCall => {
            return Err(Failure::new(
                ErrorCode::IdempotencyMismatch,
                "this Idempotency-Key was used for another call or another body; use a new key for a new call",
            ));
        }
    }
    let done = work.await;
    let mut connection = state.context.store.acquire().await?;
    match &done {
        Ok((status, body)) => idempotency::settle(&mut connection, principal, &key, status.as_u16(), body).await?,
        Err(_) => idempotency::release(&mut connection, principal, &key).await?,
    }
    done
}

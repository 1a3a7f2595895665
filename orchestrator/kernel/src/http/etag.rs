//! Entity tags (RFC 9110, 8.8.3): whoever asks again for what they have gets told so, and not all of it again. The work of making the answer
//! is done all the same: a tag is a digest of what would be told.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chiffon_protocol::ErrorCode;
use chiffon_protocol::canonical::hex;
use sha2::{Digest as _, Sha256};

use super::problem::Failure;

/// So much of a digest tells answers apart.
const BYTES: usize = 16;

/// What the caller of a GET says that they have: the tags of `If-None-Match`, empty where there are none. `None`: it is no GET.
pub(super) fn known(request: &Request) -> Option<Vec<String>> {
    if request.method() != Method::GET {
        return None;
    }
    let given = request.headers().get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let tags = given.flat_map(|value| value.split(',')).map(|tag| {
        let tag = tag.trim();
        tag.strip_prefix("W/").unwrap_or(tag).to_owned()
    });
    Some(tags.collect())
}

/// The answer with its tag, or that it is what the caller has. Only whole JSON documents have one: a live view has no end.
pub(super) async fn answer(known: &[String], response: Response) -> Response {
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == b"application/json");
    if response.status() != StatusCode::OK || !is_json || response.body().size_hint().exact().is_none() {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let bytes = match to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => return Failure::new(ErrorCode::Internal, format!("an answer can't be read: {error}")).into_response(),
    };
    let tag = format!("\"{}\"", hex(&Sha256::digest(&bytes)[..BYTES]));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        head.headers.insert(header::ETAG, value);
    }
    if !known.iter().any(|known| *known == tag || known == "*") {
        return Response::from_parts(head, Body::from(bytes));
    }
    head.status = StatusCode::NOT_MODIFIED;
    head.headers.remove(header::CONTENT_TYPE);
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::empty())
}

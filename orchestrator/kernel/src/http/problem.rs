//! Errors as Problem Details (RFC 9457) with `code`, `message`, `details` and `trace_id`.
//!
//! A failure travels in the response's extensions until `answer` writes it out, so that whatever refused a call, the answer
//! looks the same and carries the call's trace id.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chiffon_protocol::{ErrorCode, Problem};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::store;

/// Why a call was not done.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure(pub Problem);

impl Failure {
    /// A refusal with this code and these words.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Problem::new(code, message))
    }

    /// The same, with what programs read.
    #[must_use]
    pub fn with_details(self, details: Value) -> Self {
        Self(self.0.with_details(details))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self.0);
        response
    }
}

/// The body of an answer that is an error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDetails {
    /// Where the code's page is: below `http.public_url`, else below the address that was called.
    #[schema(format = "uri-reference")]
    #[serde(rename = "type")]
    pub kind: String,
    /// A few words, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What kind of error it is, 5001 to 5999.
    pub code: u16,
    /// Which thing, where, and what to do next.
    pub message: String,
    /// For machines.
    pub details: Value,
    /// The call's W3C trace id, to be found in logs.
    pub trace_id: String,
}

/// Seconds after which trying again is worth it.
const RETRY_AFTER_SECONDS: &str = "2";

/// Writes a failure out. `headers` of the response that carried it are kept; `origin` is where the pages are, without a slash at its end.
pub fn render(response: &mut Response, problem: Problem, trace_id: &str, origin: &str) {
    let code = problem.code;
    let retry_after = problem.details["retry_after_seconds"].as_u64();
    if matches!(code, ErrorCode::Internal | ErrorCode::StoredDataUnreadable) {
        tracing::error!(trace_id, problem = %problem, "a call failed inside");
    }
    let message = if code == ErrorCode::Internal {
        format!("something failed inside; the orchestrator's log tells more under trace id {trace_id}")
    } else {
        problem.message
    };
    let details = ProblemDetails {
        kind: format!("{origin}/docs/errors/{code}"),
        title: code.title().to_owned(),
        status: code.http_status(),
        code: code.number(),
        message,
        details: if code == ErrorCode::Internal { Value::Null } else { problem.details },
        trace_id: trace_id.to_owned(),
    };
    let body = serde_json::to_vec(&details).expect("problem details are JSON");
    *response.body_mut() = body.into();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if code == ErrorCode::NotAuthenticated {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"chiffon\""));
    }
    if matches!(code.http_status(), 429 | 503) {
        headers.insert(header::RETRY_AFTER, retry_after.map_or(HeaderValue::from_static(RETRY_AFTER_SECONDS), HeaderValue::from));
    }
}

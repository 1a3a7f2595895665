//! One call of the collector, and what its answer means.

use std::error::Error;
use std::time::Duration;

use chiffon_process::bounded;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

use crate::settings::Target;

/// A collector that has not answered by then counts as away (OTLP's own default).
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// No answer that means something is longer.
const LONGEST_ANSWER: usize = 64 * 1024;
/// Nobody is told to wait longer.
const LONGEST_REST: Duration = Duration::from_mins(1);

/// Why a batch was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It may be taken later; not before this, where the collector says so.
    Away { why: String, after: Option<Duration> },
    /// It will never be.
    ForGood { why: String },
}

/// The way to a collector.
#[derive(Debug)]
pub(crate) struct Way {
    client: Client,
    target: Target,
}

impl Way {
    pub(crate) fn new(target: Target) -> Result<Self, String> {
        // A redirect would take the headers, which are secrets, elsewhere.
        let client = Client::builder().redirect(Policy::none()).timeout(ANSWERS_WITHIN).build();
        Ok(Self { client: client.map_err(|error| format!("no client for the collector can be made: {}", causes(&error)))?, target })
    }

    /// Where it leads.
    pub(crate) fn to(&self) -> &str {
        self.target.url.as_str()
    }

    /// Sends a body; how many of its spans the collector has left out all the same.
    pub(crate) async fn send(&self, body: Vec<u8>) -> Result<u64, Refused> {
        let call = self
            .client
            .post(self.target.url.clone())
            .headers(self.target.headers.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(USER_AGENT, concat!("chiffon/", env!("CARGO_PKG_VERSION")))
            .body(body);
        let answer = call.send().await.map_err(|error| Refused::Away { why: causes(&error.without_url()), after: None })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(left_out(answer).await);
        }
        let why = format!("it answers {status}");
        // Those after which OTLP has it tried again ("Retryable Response Codes"), and 408 of whatever stands before it.
        let passes = matches!(
            status,
            StatusCode::REQUEST_TIMEOUT
                | StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        Err(if passes { Refused::Away { why, after: rest(answer.headers()) } } else { Refused::ForGood { why } })
    }
}

/// What a partial success has left out; an answer that can't be read left nothing out.
async fn left_out(answer: Response) -> u64 {
    let body = bounded::body(answer.bytes_stream(), LONGEST_ANSWER).await.unwrap_or_default();
    let partial = ExportTraceServiceResponse::decode(body.as_slice()).ok().and_then(|answer| answer.partial_success);
    partial.and_then(|partial| u64::try_from(partial.rejected_spans).ok()).unwrap_or(0)
}

fn rest(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_REST))
}

/// An error with what caused it: the innermost says what happened.
fn causes(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        told = format!("{told}: {cause}");
        source = cause.source();
    }
    told
}

//! The transport under async-openai: it reads every body itself, within a bound, and looks at the status before anybody parses.
//! A refusal keeps its status, its wait and its text whatever shape the body has; an answer is handed on in one form.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use chiffon_process::bounded::{self, ReadError};
use chiffon_process::clock::Clock;
use chiffon_protocol::Shown;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;

use super::wait;
use super::wire::{self, Heard};

/// Bodies of refusals are read up to here.
const LONGEST_REFUSAL: usize = 16 * 1024;
/// The most characters of somebody else's words in a message of ours.
const WORDS_CHARS: usize = 300;

/// Why there is no answer to look at.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// An answer that is not a success.
    #[error("HTTP {status}: {body}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// How long it asks to wait.
        wait: Option<Duration>,
        /// The body, shortened.
        body: String,
    },
    /// It was read no further.
    #[error("the answer is longer than {most_bytes} bytes")]
    TooLong {
        /// The bound.
        most_bytes: usize,
    },
    /// It came and is no chat completion.
    #[error("the answer is not a chat completion ({why}): {beginning}")]
    Unreadable {
        /// The reader's words.
        why: String,
        /// What came.
        beginning: String,
    },
}

/// The message inside a refusal's body, whatever its shape, on one line.
pub fn message(body: &str) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let error = parsed.as_ref().and_then(|body| ["error", "message", "detail"].into_iter().find_map(|name| body.get(name)));
    let line = one_line(&error.map_or_else(|| body.to_owned(), wire::words));
    if line.is_empty() { "no text".to_owned() } else { line }
}

/// Somebody else's words on one line, shortened.
pub fn one_line(text: &str) -> String {
    let beginning: String = text.chars().take(4 * WORDS_CHARS).collect();
    Shown::line(&beginning.split_whitespace().collect::<Vec<_>>().join(" ")).at_most(WORDS_CHARS).to_string()
}

/// How much of an answer is read.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Of one JSON object.
    pub whole_bytes: usize,
    /// Of a stream of events, each of which may be as long as a whole answer.
    pub events_bytes: usize,
}

/// Sends requests, and reads what comes back.
#[derive(Debug, Clone)]
pub struct Transport {
    client: reqwest::Client,
    bounds: Bounds,
    clock: Arc<dyn Clock>,
}

impl Transport {
    /// A transport over this client.
    pub fn new(client: reqwest::Client, bounds: Bounds, clock: Arc<dyn Clock>) -> Self {
        Self { client, bounds, clock }
    }

    async fn send(self, request: HttpRequestFactory) -> Result<Response, OpenAIError> {
        let response = self.client.execute(request.build().await?).await.map_err(OpenAIError::Reqwest)?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            let wait = wait::asked_for(response.headers(), self.clock.now());
            let body = bounded::beginning(response.bytes_stream(), LONGEST_REFUSAL).await;
            return Err(no_answer(NoAnswer::Refused { status, wait, body }));
        }
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let says_events = wire::is_event_stream(content_type.as_deref(), b"");
        let most = if says_events { self.bounds.events_bytes } else { self.bounds.whole_bytes };
        let body = bounded::body(response.bytes_stream(), most).await.map_err(|error| match error {
            ReadError::TooLong { most_bytes } => no_answer(NoAnswer::TooLong { most_bytes }),
            ReadError::Broken(error) => OpenAIError::Reqwest(error),
        })?;
        let is_object = body.trim_ascii_start().starts_with(b"{");
        let heard = if !is_object && wire::is_event_stream(content_type.as_deref(), &body) {
            Heard::events(&body, self.bounds.whole_bytes)
        } else {
            Heard::whole(&body)
        };
        let heard = heard.map_err(|why| {
            let beginning = body.iter().take(400).copied().collect::<Vec<_>>();
            let beginning = Shown::line(&String::from_utf8_lossy(&beginning)).at_most(120).to_string();
            no_answer(NoAnswer::Unreadable { why, beginning })
        })?;
        let body = serde_json::to_vec(&heard)
            .map_err(|error| no_answer(NoAnswer::Unreadable { why: error.to_string(), beginning: String::new() }))?;
        Ok(axum::http::Response::new(body).into())
    }
}

fn no_answer(why: NoAnswer) -> OpenAIError {
    OpenAIError::Boxed(Box::new(why))
}

impl tower::Service<HttpRequestFactory> for Transport {
    type Response = Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

//! The transport under async-openai: it looks at the status before anybody parses the body, so that a refusal keeps its
//! status, its `Retry-After` and its text whatever shape the body has.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use chrono::{DateTime, Utc};
use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Bodies of refusals are read up to here.
const LONGEST_BODY: usize = 16 * 1024;

/// An answer that is not a success.
#[derive(Debug, thiserror::Error)]
#[error("HTTP {status}: {body}")]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, as it was sent.
    pub retry_after: Option<String>,
    /// The body, shortened.
    pub body: String,
}

impl Refused {
    /// How long it asks to wait: seconds, or the time until an HTTP date.
    pub fn wait(&self, now: DateTime<Utc>) -> Option<Duration> {
        let text = self.retry_after.as_deref()?.trim();
        if let Ok(seconds) = text.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        let at = DateTime::parse_from_rfc2822(text).ok()?;
        Some((at.with_timezone(&Utc) - now).to_std().unwrap_or_default())
    }

    /// The message inside the body, whatever its shape.
    pub fn message(&self) -> String {
        let parsed: Option<serde_json::Value> = serde_json::from_str(&self.body).ok();
        let error = parsed.as_ref().and_then(|body| body.get("error").or_else(|| body.get("message")));
        let text = error.and_then(|error| error.get("message").unwrap_or(error).as_str().map(str::to_owned));
        let text = text.unwrap_or_else(|| self.body.clone());
        let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect();
        if line.is_empty() { "no text".to_owned() } else { line }
    }
}

/// Sends requests and turns refusals into [`Refused`].
#[derive(Debug, Clone)]
pub struct Transport {
    client: reqwest::Client,
}

impl Transport {
    /// A transport over this client.
    pub fn new(client: reqwest::Client) -> Self {
        Self { client }
    }
}

impl tower::Service<HttpRequestFactory> for Transport {
    type Response = Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let client = self.client.clone();
        Box::pin(async move {
            let response = client.execute(request.build().await?).await.map_err(OpenAIError::Reqwest)?;
            if response.status().is_success() {
                return Ok(response);
            }
            let (status, retry_after) = (response.status().as_u16(), retry_after(response.headers()));
            let body = shortened_body(response).await;
            Err(OpenAIError::Boxed(Box::new(Refused { status, retry_after, body })))
        })
    }
}

fn retry_after(headers: &HeaderMap) -> Option<String> {
    headers.get(RETRY_AFTER)?.to_str().ok().map(str::to_owned)
}

async fn shortened_body(mut response: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= LONGEST_BODY {
            body.truncate(LONGEST_BODY);
            break;
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

//! The HTTP API as a patient client uses it: any orchestrator will do, and a write is repeated under its key until it is answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chiffon_process::bounded;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

/// A call that nobody answers for so long has failed: longer than any fault lasts, and than the key of a call that was cut off is held.
const PATIENCE: Duration = Duration::from_mins(7);
/// The error of a call that is being worked on elsewhere, or was cut off in its middle.
const UNDER_WAY: u16 = 5127;
const LONGEST_ANSWER_BYTES: usize = 64 * 1024 * 1024;
const BETWEEN_TRIES: Duration = Duration::from_millis(300);

/// A client of all orchestrators.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    bases: Vec<String>,
    token: String,
    next: AtomicU64,
}

impl Client {
    /// A client with this token.
    pub fn new(listening: &[String], token: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        let bases = listening.iter().map(|address| format!("http://{address}")).collect();
        Ok(Self { http, bases, token: token.to_owned(), next: AtomicU64::new(1) })
    }

    /// A GET's answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<(StatusCode, Value)> {
        self.call(Method::GET, path, None).await
    }

    /// A POST's answer. It is done once, however often it is sent.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<(StatusCode, Value)> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<(StatusCode, Value)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let deadline = Instant::now() + PATIENCE;
        let mut turn = usize::try_from(number)?;
        loop {
            let base = &self.bases[turn % self.bases.len()];
            let mut request = self.http.request(method.clone(), format!("{base}{path}")).bearer_auth(&self.token);
            if let Some(body) = body {
                request = request.json(body).header("Idempotency-Key", format!("soak-{number}"));
            }
            let last = match request.send().await {
                Ok(response) => {
                    let status = response.status();
                    let body = bounded::body(response.bytes_stream(), LONGEST_ANSWER_BYTES).await.map_err(anyhow::Error::from);
                    match body.and_then(|body| Ok(serde_json::from_slice::<Value>(&body)?)) {
                        Ok(body) if !status.is_server_error() && body["code"] != UNDER_WAY => return Ok((status, body)),
                        Ok(body) => body.to_string(),
                        Err(error) => error.to_string(),
                    }
                }
                Err(error) => error.to_string(),
            };
            if Instant::now() > deadline {
                bail!("{method} {path} was not answered within {PATIENCE:?}; at last: {last}");
            }
            turn += 1;
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }

    /// A list's items.
    pub async fn items(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let (status, body) = self.get(path).await?;
        body["items"].as_array().cloned().with_context(|| format!("GET {path} gave {status}: {body}"))
    }
}

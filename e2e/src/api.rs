//! The HTTP API as a client sees it.

use std::future::Future;
use std::sync::Once;
use std::time::{Duration, Instant};

use chiffon_process::bounded;
use serde_json::{Value, json};

static TLS: Once = Once::new();
/// How long an answer may take where the server may be away.
const PATIENCE: Duration = Duration::from_secs(20);
const LONGEST_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// A client with a token, or without one.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Api {
    /// A client of the server at `base`.
    pub fn new(base: &str, token: Option<&str>) -> Self {
        TLS.call_once(chiffon_process::telemetry::install_tls_provider);
        // Only plain HTTP is spoken to it; reading the machine's certificates would cost more than most calls.
        let http = reqwest::Client::builder().tls_certs_only([]).build().expect("a client");
        Self { http, base: base.to_owned(), token: token.map(str::to_owned) }
    }

    /// Where it is, such as `http://127.0.0.1:8080`.
    pub fn address(&self) -> &str {
        &self.base
    }

    /// The same server with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Status and body of a GET.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    /// Status and body of a GET, as it came.
    pub async fn get_text(&self, path: &str) -> (u16, String) {
        let (status, body) = self.fetch(self.http.get(format!("{}{path}", self.base))).await.expect("the server answers");
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// Status and body of a POST.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.http.post(format!("{}{path}", self.base)).json(body)).await
    }

    /// Status and body of a POST of raw bytes as JSON.
    pub async fn post_bytes(&self, path: &str, body: Vec<u8>) -> (u16, Value) {
        self.send(self.http.post(format!("{}{path}", self.base)).header("content-type", "application/json").body(body)).await
    }

    /// Status and body of a GET, if there is an answer within some seconds.
    pub async fn try_get(&self, path: &str) -> Result<(u16, Value), String> {
        self.try_send(self.http.get(format!("{}{path}", self.base)).timeout(PATIENCE)).await
    }

    /// Status and body of a POST, if there is an answer within some seconds.
    pub async fn try_post(&self, path: &str, body: &Value) -> Result<(u16, Value), String> {
        self.try_send(self.http.post(format!("{}{path}", self.base)).json(body).timeout(PATIENCE)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        self.try_send(request).await.expect("the server answers")
    }

    async fn try_send(&self, request: reqwest::RequestBuilder) -> Result<(u16, Value), String> {
        let (status, body) = self.fetch(request).await?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    async fn fetch(&self, request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), String> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await.map_err(|error| format!("{error:?}"))?;
        let status = response.status().as_u16();
        let body = bounded::body(response.bytes_stream(), LONGEST_ANSWER_BYTES).await.map_err(|error| format!("{error:?}"))?;
        Ok((status, body))
    }

    /// Asks for something; the request's id.
    pub async fn ask(&self, text: &str) -> String {
        let (status, body) = self.post("/request", &json!({"text": text})).await;
        assert_eq!(status, 202, "{body}");
        body["request_id"].as_str().expect("an id").to_owned()
    }

    /// The request.
    pub async fn request(&self, id: &str) -> Value {
        let (status, body) = self.get(&format!("/request/{id}")).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The request, once it has one of these statuses.
    pub async fn request_when(&self, id: &str, wanted: &[&str]) -> Value {
        eventually(&format!("request {id} is one of {wanted:?}"), || async {
            let request = self.request(id).await;
            let is_wanted = wanted.iter().any(|word| request["status"] == *word);
            if is_wanted { Ok(request) } else { Err(request.to_string()) }
        })
        .await
    }

    /// Approves the plan as it is; status and body.
    pub async fn approve(&self, request: &Value) -> (u16, Value) {
        let body = json!({"request_id": request["request_id"], "plan_sha256": request["plan"]["sha256"], "decision": "approve"});
        self.post("/approve", &body).await
    }

    /// Asks for something and approves the plan that is made of it; the request's id.
    pub async fn ask_and_approve(&self, text: &str) -> String {
        let id = self.ask(text).await;
        let planned = self.request_when(&id, &["awaiting_approval", "needs_input", "failed"]).await;
        assert_eq!(self.approve(&planned).await.0, 200, "{planned:#}");
        id
    }
}

/// Polls until it is so, for three minutes; the last answer otherwise.
///
/// # Panics
/// When it never becomes so.
pub async fn eventually<T, F, Fut>(what: &str, mut look: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + Duration::from_mins(3);
    loop {
        match look().await {
            Ok(value) => return value,
            Err(last) => assert!(Instant::now() < deadline, "never: {what}; at last: {last}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

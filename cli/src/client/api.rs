//! Calls to the API: where it is, who we are, and what an error means for the exit code.

use std::time::Duration;

use chiffon_process::bounded;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::args::Global;
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure};

/// A request with all its previews is some megabytes at most; what is longer does not come from a Chiffon.
const LONGEST_ANSWER_BYTES: usize = 64 * 1024 * 1024;
const LONGEST_PROBLEM_BYTES: usize = 1024 * 1024;

const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// A Chiffon that is reached over HTTP.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Api {
    /// The one that the flags, the environment or the data directory name.
    pub fn new(global: &Global) -> Result<Self, Failure> {
        let data_dir = DataDir::choose(global.data_dir.as_deref())?;
        let read = |path: std::path::PathBuf| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        let base = global.url.clone().or_else(|| read(data_dir.url())).unwrap_or_else(|| DEFAULT_URL.to_owned());
        let token = chiffon_process::config::variable("CHIFFON_TOKEN").or_else(|| read(data_dir.admin_token()));
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .build()
            .map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), token })
    }

    /// One for an address and a token that are known.
    pub fn at(base: &str, token: &str) -> Self {
        Self { http: reqwest::Client::new(), base: base.trim_end_matches('/').to_owned(), token: Some(token.to_owned()) }
    }

    /// Reads something.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        self.json(self.build(Method::GET, path).query(query)).await
    }

    /// Does something.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.json(self.build(Method::POST, path).json(body)).await
    }

    /// Removes something.
    pub async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.json(self.build(Method::DELETE, path)).await
    }

    /// Opens a stream of events after this cursor.
    pub async fn stream(&self, path: &str, after: Option<&str>) -> Result<Response, Failure> {
        let mut request = self.build(Method::GET, path).header("accept", "text/event-stream");
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        self.answer(request).await
    }

    /// The whole id that a shortened one stands for: its beginning or its end, four characters at least.
    pub async fn request_id(&self, id: &str) -> Result<String, Failure> {
        let id = id.trim().to_ascii_lowercase();
        if id.len() == 36 {
            return Ok(id);
        }
        if id.len() < 4 {
            return Err(Failure::usage(format!("`{id}` is too short for an id; give four characters at least")));
        }
        let listed = self.get("/requests", &[("limit", "200".to_owned())]).await?;
        let matching: Vec<&str> = rows(&listed)
            .filter_map(|row| row["request_id"].as_str())
            .filter(|full| full.starts_with(&id) || full.ends_with(&id))
            .collect();
        match matching.as_slice() {
            [] => Err(Failure::usage(format!("no recent request's id begins or ends with `{id}`; `chiffon requests` lists them"))),
            [one] => Ok((*one).to_owned()),
            several => Err(Failure::usage(format!("`{id}` fits several requests: {}", several.join(", ")))),
        }
    }

    /// A request as `GET /request/{id}` shows it.
    pub async fn request(&self, id: &str) -> Result<Value, Failure> {
        self.get(&format!("/request/{id}"), &[]).await
    }

    /// Decides about a plan.
    pub async fn decide(&self, id: &str, sha256: &str, decision: &str, comment: Option<&str>) -> Result<Value, Failure> {
        let mut body = json!({"request_id": id, "plan_sha256": sha256, "decision": decision});
        if let Some(comment) = comment {
            body["comment"] = json!(comment);
        }
        self.post("/approve", &body).await
    }

    fn build(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn json(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let response = self.answer(request).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        let body = bounded::body(response.bytes_stream(), LONGEST_ANSWER_BYTES)
            .await
            .map_err(|error| Failure::failed(format!("the answer of {} was not read: {error}", self.base)))?;
        serde_json::from_slice(&body).map_err(|error| Failure::failed(format!("{} answered something else than JSON: {error}", self.base)))
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let problem = bounded::beginning(response.bytes_stream(), LONGEST_PROBLEM_BYTES).await;
        let problem: Value = serde_json::from_str(&problem).unwrap_or_default();
        Err(failure(status, &problem))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        Failure {
            exit: Exit::Unreachable,
            message: format!("nothing answers at {} ({cause}); start it with `chiffon up`, or name another address with --url", self.base),
        }
    }
}

fn failure(status: StatusCode, problem: &Value) -> Failure {
    let (code, message) = (problem["code"].as_u64(), problem["message"].as_str());
    let message = match (code, message) {
        (Some(code), Some(message)) => format!("{message} (error {code}; `chiffon explain {code}` says what to do)"),
        _ => format!("the server answered {status}"),
    };
    let exit = if status.is_server_error() && status == StatusCode::SERVICE_UNAVAILABLE { Exit::Unreachable } else { Exit::Failed };
    Failure { exit, message }
}

/// The rows of a listing.
pub fn rows(listing: &Value) -> impl Iterator<Item = &Value> {
    listing["items"].as_array().into_iter().flatten()
}

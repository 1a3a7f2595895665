//! Calls to the API: where it is, who we are, and what an error means for the exit code.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chiffon_process::{IdSource as _, RandomIds, bounded};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::address::{self, Place};
use crate::args::Global;
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure};
use crate::show::called::CHIFFON;
use crate::show::text::line;

/// A request with all its previews is some megabytes at most; what is longer does not come from a Chiffon.
const LONGEST_ANSWER_BYTES: usize = 64 * 1024 * 1024;
const LONGEST_PROBLEM_BYTES: usize = 1024 * 1024;

/// What every listing gives in one page.
const LONGEST_PAGE: usize = 200;

/// The header with the key.
const KEY: &str = "idempotency-key";

/// So many requests are named of those that a shortened id fits.
const NAMED_IDS: usize = 5;

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long an answer may take; a stream says every few seconds that it is there.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// A Chiffon that is reached over HTTP.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    place: Place,
    /// Which of the place's addresses answered last.
    answering: Arc<AtomicUsize>,
    token: Option<String>,
}

impl Api {
    /// The one that the flags, the environment or the data directory name.
    pub fn new(global: &Global) -> Result<Self, Failure> {
        let data_dir = DataDir::choose(global.data_dir.as_deref())?;
        let place = Place::of(global, &data_dir)?;
        let token = match chiffon_process::config::variable("CHIFFON_TOKEN").filter(|token| !token.is_empty()) {
            Some(token) => Some(address::token(token)?),
            None => address::read(&data_dir.admin_token()),
        };
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(ANSWER_WITHIN)
            .build()
            .map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Self { http, place, answering: Arc::default(), token })
    }

    /// One for an address and a token that are known.
    pub fn at(base: &str, token: &str) -> Self {
        let place = Place::Said(vec![base.trim_end_matches('/').to_owned()]);
        Self { http: reqwest::Client::new(), place, answering: Arc::default(), token: Some(token.to_owned()) }
    }

    /// Where it is asked.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Reads something.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        self.json(Method::GET, path, |request| request.query(query)).await
    }

    /// A listing, page by page, up to `most` items. `next_cursor` is that of the page after, null where there is none.
    pub async fn list(&self, path: &str, query: &[(&str, String)], most: usize) -> Result<Value, Failure> {
        let mut items: Vec<Value> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.push(("limit", most.saturating_sub(items.len()).clamp(1, LONGEST_PAGE).to_string()));
            query.extend(cursor.clone().map(|cursor| ("cursor", cursor)));
            let mut page = self.get(path, &query).await?;
            let found = page["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
            let empty = found.is_empty();
            items.extend(found);
            let next = page["next_cursor"].as_str().map_or_else(|| page["next_cursor"].to_string(), ToOwned::to_owned);
            // Whoever names the same page again has no other.
            let ends = page["next_cursor"].is_null() || empty || cursor.as_ref() == Some(&next);
            if ends || items.len() >= most {
                page["items"] = Value::Array(items);
                return Ok(page);
            }
            cursor = Some(next);
        }
    }

    /// How it is, also where it is not well: `GET /health` says so in the same form under 503.
    pub async fn health(&self) -> Result<Value, Failure> {
        let response = self.sent(Method::GET, "/health", |request| request).await?;
        let status = response.status();
        let body = bounded::beginning(response.bytes_stream(), LONGEST_PROBLEM_BYTES).await;
        let told: Value = serde_json::from_str(&body).unwrap_or_default();
        if told["checks"].is_object() { Ok(told) } else { Err(failure(status, &body)) }
    }

    /// Does something.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.post_once(path, body, &new_key()).await
    }

    /// Does something that is done once however often it is called with this key. An answer that was lost on its way is asked for again,
    /// where the API knows the key.
    pub async fn post_once(&self, path: &str, body: &Value, key: &str) -> Result<Value, Failure> {
        let once = || self.json(Method::POST, path, |request| request.json(body).header(KEY, key));
        match once().await {
            Err(lost) if lost.exit == Exit::Unreachable && is_done_once(path) => {
                let again = once().await;
                // Whoever can't be reached the second time, either, is told about as the first time.
                again.map_err(|failure| if failure.exit == Exit::Unreachable { lost } else { failure })
            }
            answered => answered,
        }
    }

    /// Puts something in the place of what there was.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.json(Method::PUT, path, |request| request.json(body)).await
    }

    /// Removes something.
    pub async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.json(Method::DELETE, path, |request| request).await
    }

    /// An answer that is text for people or other programs, and no JSON.
    pub async fn text(&self, path: &str, query: &[(&str, String)]) -> Result<String, Failure> {
        let response = self.answer(Method::GET, path, |request| request.query(query)).await?;
        let from = response.url().clone();
        let body = whole(response).await?;
        String::from_utf8(body).map_err(|_| Failure::failed(format!("{from} answered something else than text")))
    }

    /// Opens a stream of events after this cursor; `from` names a place where there is none.
    pub async fn stream(&self, path: &str, from: Option<&str>, after: Option<&str>) -> Result<Response, Failure> {
        let shape = |request: RequestBuilder| {
            let request =
                request.header("accept", "text/event-stream").query(&from.map(|from| ("after", from)).into_iter().collect::<Vec<_>>());
            match after {
                Some(after) => request.header("last-event-id", after),
                None => request,
            }
        };
        self.answer(Method::GET, path, shape).await
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
        if !id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
            return Err(Failure::usage(format!("`{}` is no id: those have digits and the letters a to f", id.escape_debug())));
        }
        let listed = self.get("/requests", &[("id", id.clone()), ("limit", (NAMED_IDS + 1).to_string())]).await?;
        let matching: Vec<&str> = rows(&listed)
            .filter_map(|row| row["request_id"].as_str())
            .filter(|full| full.starts_with(&id) || full.ends_with(&id))
            .collect();
        match matching.as_slice() {
            [] => Err(Failure::usage(format!("no request's id begins or ends with `{id}`; `{CHIFFON} requests` lists them"))),
            [one] => Ok((*one).to_owned()),
            several => {
                let named: Vec<&str> = several.iter().take(NAMED_IDS).copied().collect();
                let more = if several.len() > NAMED_IDS { " and more" } else { "" };
                Err(Failure::usage(format!("`{id}` fits several requests: {}{more}", named.join(", "))))
            }
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

    /// Approves a plan without these steps.
    pub async fn approve(&self, id: &str, sha256: &str, left_out: &[String], comment: Option<&str>) -> Result<Value, Failure> {
        if left_out.is_empty() {
            return self.decide(id, sha256, "approve", comment).await;
        }
        let mut body = json!({"request_id": id, "plan_sha256": sha256, "decision": "approve", "left_out": left_out});
        if let Some(comment) = comment {
            body["comment"] = json!(comment);
        }
        self.post("/approve", &body).await
    }

    async fn json(&self, method: Method, path: &str, shape: impl Fn(RequestBuilder) -> RequestBuilder) -> Result<Value, Failure> {
        let response = self.answer(method, path, shape).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        let from = response.url().clone();
        let body = whole(response).await?;
        serde_json::from_slice(&body).map_err(|error| Failure::failed(format!("{from} answered something else than JSON: {error}")))
    }

    async fn answer(&self, method: Method, path: &str, shape: impl Fn(RequestBuilder) -> RequestBuilder) -> Result<Response, Failure> {
        let response = self.sent(method, path, shape).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem = bounded::beginning(response.bytes_stream(), LONGEST_PROBLEM_BYTES).await;
        Err(failure(status, &problem))
    }

    /// Where whoever answered last is.
    pub fn answering(&self) -> Option<String> {
        let addresses = self.place.addresses();
        let number = self.answering.load(Ordering::Relaxed);
        addresses.get(number).or_else(|| addresses.first()).cloned()
    }

    /// Asks whoever answered last, and the others in turn where nobody can be reached: nothing that was sent is sent twice.
    async fn sent(&self, method: Method, path: &str, shape: impl Fn(RequestBuilder) -> RequestBuilder) -> Result<Response, Failure> {
        let path = in_url(path)?;
        let first = self.answering.load(Ordering::Relaxed);
        let (addresses, mut lost) = (self.place.addresses(), None);
        for offset in 0..addresses.len() {
            let number = (first + offset) % addresses.len();
            let mut request = self.http.request(method.clone(), format!("{}{path}", addresses[number]));
            if let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            match shape(request).send().await {
                Ok(response) => {
                    self.answering.store(number, Ordering::Relaxed);
                    return Ok(response);
                }
                Err(error) if error.is_connect() => lost = Some(error),
                Err(error) => return Err(self.unreachable(&addresses, &error)),
            }
        }
        Err(match (lost, self.place.data_dir()) {
            (Some(error), _) => self.unreachable(&addresses, &error),
            (None, Some(data_dir)) => Failure { exit: Exit::Unreachable, message: absent(data_dir) },
            (None, None) => Failure::usage("no address is named; say one with --url"),
        })
    }

    fn unreachable(&self, addresses: &[String], error: &reqwest::Error) -> Failure {
        let at = addresses.join(" or ");
        if !error.is_connect() {
            let message = format!("somebody listens at {at} and did not answer ({}); try again in a moment", cause(error));
            return Failure { exit: Exit::Unreachable, message };
        }
        let next = match self.place.data_dir() {
            None => "is that the address, and does it run? `chiffon up` or `chiffon serve` starts one; --url names another".to_owned(),
            Some(data_dir) => absent(data_dir),
        };
        Failure { exit: Exit::Unreachable, message: format!("nothing answers at {at} ({}); {next}", cause(error)) }
    }
}

/// A path with names that people have typed as it stands in an address. A name that an address would read as a step up is refused: the
/// call would be another one.
fn in_url(path: &str) -> Result<String, Failure> {
    if path.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(Failure::usage("`.` and `..` are no names, and stand in none"));
    }
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:@!$&'()*+,;=".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    Ok(encoded)
}

/// The body of an answer, which has a bound.
async fn whole(response: Response) -> Result<Vec<u8>, Failure> {
    let from = response.url().clone();
    bounded::body(response.bytes_stream(), LONGEST_ANSWER_BYTES)
        .await
        .map_err(|error| Failure::failed(format!("the answer of {from} was not read: {error}")))
}

/// A key under which something is done once.
pub fn new_key() -> String {
    RandomIds.new_id().to_string()
}

/// Whether the API does what is called here once for one key.
fn is_done_once(path: &str) -> bool {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    matches!(
        parts.as_slice(),
        ["approve" | "request" | "standing-approvals"]
            | ["cancel", _]
            | ["request", _, "messages" | "pause" | "resume"]
            | ["hosts", _, "release"]
            | ["tasks", _, "resolve"]
            | ["standing-approvals", _, "withdraw"]
            | ["dead-letters", _, "replay"]
    )
}

/// Why nobody answers for a data directory, and what to do.
fn absent(data_dir: &DataDir) -> String {
    let root = data_dir.root().display();
    if data_dir.is_in_use() {
        return format!("`chiffon up` on {root} is starting or stopping; try again in a moment");
    }
    let others = DataDir::others(data_dir);
    let other = others.iter().find(|other| other.is_in_use());
    other.map_or_else(
        || format!("no Chiffon runs on the data directory {root}; start it with `chiffon up`, or name another with --data-dir or --url"),
        |other| format!("no Chiffon runs on the data directory {root}, but one does on {}: --data-dir {0}", other.root().display()),
    )
}

/// The innermost reason, which says the most.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn failure(status: StatusCode, body: &str) -> Failure {
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    let (code, message) = (problem["code"].as_u64(), problem["message"].as_str());
    let message = match (code, message) {
        (Some(code), Some(message)) => format!("{message} (error {code}; `chiffon explain {code}` says what to do)"),
        // A server that is too full for more, and a proxy, say it in words; a page of a browser's is none.
        _ if !body.trim().is_empty() && !body.trim_start().starts_with(['<', '{', '[']) => {
            format!("the server answered {status}: {}", line(body.trim()))
        }
        _ => format!("the server answered {status}"),
    };
    let exit = if status.is_server_error() && status == StatusCode::SERVICE_UNAVAILABLE { Exit::Unreachable } else { Exit::Failed };
    Failure { exit, message }
}

/// The rows of a listing.
pub fn rows(listing: &Value) -> impl Iterator<Item = &Value> {
    listing["items"].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_an_address_as_they_are_and_none_leads_to_another_call() {
        assert_eq!(in_url("/people/Zo\u{eb} ?#%/password").unwrap(), "/people/Zo%C3%AB%20%3F%23%25/password");
        assert_eq!(in_url("/hosts/fe80::1%eth0/release").unwrap(), "/hosts/fe80::1%25eth0/release");
        assert_eq!(in_url("/tokens/..\\password").unwrap(), "/tokens/..%5Cpassword");
        for path in ["/people/../password", "/tokens/../password", "/agents/./pause", "/actions/.."] {
            assert!(in_url(path).is_err(), "{path}");
        }
    }

    #[test]
    fn what_is_repeated_is_what_the_api_does_once_for_a_key() {
        let document: Value = serde_json::from_str(include_str!("../../../web/openapi.json")).expect("JSON");
        let paths = document["paths"].as_object().expect("it has paths");
        let posts =
            paths.iter().filter_map(|(path, calls)| Some((path, calls["post"]["parameters"].as_array().cloned(), calls.get("post")?)));
        let mut seen = 0;
        for (path, parameters, _) in posts {
            let knows = parameters.into_iter().flatten().any(|parameter| parameter["name"] == "Idempotency-Key");
            assert_eq!(is_done_once(path), knows, "{path}");
            seen += usize::from(knows);
        }
        assert!(seen > 5, "the document is read");
    }
}

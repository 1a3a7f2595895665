//! An OpenAI-compatible server on a local port that answers as a test says, and a ledger that remembers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, header};
use axum::routing::post;
use chiffon_models::planner::ledger::{Ledger, Reservation, Settlement};
use chiffon_models::planner::provider::config::ProviderConfig;
use chiffon_process::lifecycle::{Shutdown, Spawner};
use chiffon_protocol::money::MicroDollars;
use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

/// One scripted answer.
#[derive(Debug, Clone)]
pub enum Say {
    /// A status with a body, and perhaps `Retry-After`.
    Status(u16, &'static str, Option<String>),
    /// A chat completion with this text.
    Text(String),
    /// The text in server-sent events, ended properly or not.
    Stream(String, bool),
    /// A body of this content type, as it is.
    Body(&'static str, String),
    /// A status with headers and a body.
    Headers(u16, &'static [(&'static str, &'static str)], &'static str),
    /// A status with a body of this content type that begins so and never ends.
    Endless(u16, &'static str, &'static str),
    /// A chat completion with this text, once the server is told that the answer may be at least so long.
    Needs(u64, String),
    /// Nothing, ever.
    Silence,
}

#[derive(Debug, Default)]
struct Script {
    says: Mutex<VecDeque<Say>>,
    heard: Mutex<Vec<Value>>,
    sent_bytes: AtomicUsize,
}

/// The server. Stops with its test.
#[derive(Debug)]
pub struct Server {
    script: Arc<Script>,
    /// Where it listens.
    pub url: String,
    shutdown: Shutdown,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.stop();
        let left = self.script.says.lock().expect("script").len();
        assert!(std::thread::panicking() || left == 0, "{left} scripted answers were never asked for");
    }
}

impl Server {
    /// Starts a server with a script; what is asked beyond it gets a 418, which nobody tries again.
    pub async fn new(says: Vec<Say>) -> Self {
        let script = Arc::new(Script { says: Mutex::new(says.into()), heard: Mutex::default(), sent_bytes: AtomicUsize::new(0) });
        let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("address"));
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        Spawner::new(shutdown.clone()).spawn("model server", async move {
            tokio::select! {
                result = axum::serve(listener, router) => result.expect("serves"),
                () = stop.stopping() => {}
            }
        });
        Self { script, url, shutdown }
    }

    /// A provider at this server that is quick to try again.
    pub fn provider(&self, name: &str) -> ProviderConfig {
        provider(name, &self.url)
    }

    /// How much of endless answers was taken from it.
    pub fn sent_bytes(&self) -> usize {
        self.script.sent_bytes.load(Ordering::Relaxed)
    }

    /// The bodies it was sent.
    pub fn heard(&self) -> Vec<Value> {
        self.script.heard.lock().expect("script").clone()
    }
}

/// A provider that is quick to try again.
pub fn provider(name: &str, url: &str) -> ProviderConfig {
    let config = json!({
        "name": name, "base_url": url, "model": "test-1", "input_usd_per_million_tokens": 3.0, "output_usd_per_million_tokens": 15.0,
        "timeout": "2s", "max_tries": 2, "retry_delay": "5ms", "retry_after_cap": "2s",
    });
    serde_json::from_value(config).expect("a provider")
}

/// A chat completion around a message.
pub fn completion(message: &Value, finish: &str, usage: &Value) -> String {
    json!({"choices": [{"message": message, "finish_reason": finish}], "usage": usage}).to_string()
}

async fn answer(State(script): State<Arc<Script>>, body: String) -> Response<Body> {
    let asked: Value = serde_json::from_str(&body).expect("JSON");
    script.heard.lock().expect("script").push(asked.clone());
    let say = script.says.lock().expect("script").pop_front().unwrap_or(Say::Status(418, "the script is over", None));
    let response = Response::builder();
    match say {
        Say::Status(status, body, after) => {
            let response = response.status(status).header(header::CONTENT_TYPE, "application/json");
            let response = if let Some(after) = after { response.header(header::RETRY_AFTER, after) } else { response };
            response.body(Body::from(body))
        }
        Say::Text(text) => {
            let body = json!({"id": 1, "object": "odd", "created": 1.5, "service_tier": "unheard-of", "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "end_turn"}],
                "usage": {"prompt_tokens": 1000, "completion_tokens": 100}});
            response.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string()))
        }
        Say::Stream(text, ended) => response.header(header::CONTENT_TYPE, "text/event-stream").body(Body::from(events(&text, ended))),
        Say::Body(kind, body) => response.header(header::CONTENT_TYPE, kind).body(Body::from(body)),
        Say::Headers(status, headers, body) => {
            headers.iter().fold(response.status(status), |response, (name, value)| response.header(*name, *value)).body(Body::from(body))
        }
        Say::Endless(status, kind, beginning) => {
            let chunks = futures::stream::iter(std::iter::once(beginning.to_owned()).chain(std::iter::repeat_with(|| "x".repeat(64 * 1024))));
            let counted = futures::StreamExt::map(chunks, move |chunk| {
                script.sent_bytes.fetch_add(chunk.len(), Ordering::Relaxed);
                Ok::<_, std::convert::Infallible>(chunk)
            });
            response.status(status).header(header::CONTENT_TYPE, kind).body(Body::from_stream(counted))
        }
        Say::Needs(tokens, text) => {
            let usage = json!({"prompt_tokens": 1000, "completion_tokens": tokens.min(asked["max_tokens"].as_u64().unwrap_or(0))});
            let is_enough = asked["max_tokens"].as_u64() >= Some(tokens);
            let message = json!({"content": if is_enough { text } else { text.chars().take(20).collect() }});
            let body = completion(&message, if is_enough { "stop" } else { "length" }, &usage);
            response.header(header::CONTENT_TYPE, "application/json").body(Body::from(body))
        }
        Say::Silence => std::future::pending().await,
    }
    .expect("a response")
}

fn events(text: &str, ended: bool) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut chunks: Vec<Value> =
        letters.chunks(20).map(|part| json!({"choices": [{"delta": {"content": part.iter().collect::<String>()}}]})).collect();
    if ended {
        chunks.push(json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}));
        chunks.push(json!({"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}));
    }
    let lines = chunks.iter().fold(String::new(), |lines, chunk| lines + &format!("data: {chunk}\n\n"));
    if ended { format!("{lines}data: [DONE]\n\n") } else { lines }
}

/// What a ledger was told, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Before a call.
    Reserved(String, MicroDollars),
    /// After it.
    Settled(Settlement),
    /// Instead of it.
    Skipped(String, Problem),
}

/// A ledger in memory, with one budget for everything.
#[derive(Debug)]
pub struct Notebook {
    entries: Mutex<Vec<(Uuid, Entry)>>,
    budget: MicroDollars,
}

impl Notebook {
    /// A ledger with so much to spend.
    pub fn new(budget: MicroDollars) -> Arc<Self> {
        Arc::new(Self { entries: Mutex::default(), budget })
    }

    /// Everything it was told; each call is settled once, after it was reserved.
    pub fn entries(&self) -> Vec<Entry> {
        let entries = self.entries.lock().expect("entries").clone();
        for (id, entry) in &entries {
            let of_call: Vec<&Entry> = entries.iter().filter(|(other, _)| other == id).map(|(_, entry)| entry).collect();
            match entry {
                Entry::Skipped(..) => assert_eq!(of_call.len(), 1, "{of_call:?}"),
                _ => assert!(matches!(of_call[..], [Entry::Reserved(..), Entry::Settled(_)]), "{of_call:?}"),
            }
        }
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    /// How calls ended.
    pub fn settled(&self) -> Vec<Settlement> {
        self.entries()
            .into_iter()
            .filter_map(|entry| if let Entry::Settled(settlement) = entry { Some(settlement) } else { None })
            .collect()
    }

    fn note(&self, id: Uuid, entry: Entry) {
        if let Entry::Settled(Settlement { answer, error, .. }) = &entry {
            let stored = format!("{}{}", answer.clone().unwrap_or_default(), error.as_ref().map_or("", |error| &error.message));
            assert!(!stored.contains('\0') && stored.len() < 100_000, "no database stores this");
        }
        self.entries.lock().expect("entries").push((id, entry));
    }
}

#[async_trait]
impl Ledger for Notebook {
    async fn reserve(&self, reservation: &Reservation, _: DateTime<Utc>) -> Result<(), Problem> {
        if reservation.monthly_budget.unwrap_or(self.budget).min(self.budget) < reservation.worst_case {
            return Err(Problem::new(ErrorCode::BudgetSpent, format!("the month's budget of `{}` is spent", reservation.provider)));
        }
        self.note(reservation.call_id, Entry::Reserved(reservation.provider.clone(), reservation.worst_case));
        Ok(())
    }

    async fn settle(&self, call_id: Uuid, settlement: &Settlement, _: DateTime<Utc>) -> Result<(), Problem> {
        self.note(call_id, Entry::Settled(settlement.clone()));
        Ok(())
    }

    async fn skipped(&self, reservation: &Reservation, reason: &Problem, _: DateTime<Utc>) -> Result<(), Problem> {
        self.note(reservation.call_id, Entry::Skipped(reservation.provider.clone(), reason.clone()));
        Ok(())
    }
}

/// A clock that tests move.
#[derive(Debug, Default)]
pub struct HandClock {
    elapsed: Mutex<Duration>,
}

impl HandClock {
    /// Later by so much.
    pub fn advance(&self, by: Duration) {
        *self.elapsed.lock().expect("clock") += by;
    }
}

impl chiffon_process::clock::Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).expect("a time") + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().expect("clock")
    }
}

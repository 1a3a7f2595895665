//! A server that answers what it is told, whatever a real one would say: a lying one, a hostile one, one in the midst of something.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

/// The one request that it knows.
pub const ID: &str = "01a1fc30-250d-74fd-94ec-ca5bbc6173fd";

/// What it is told, and what it was asked.
#[derive(Debug)]
pub struct Script {
    /// `GET /request/{id}`.
    pub request: Value,
    /// What a decision makes of it: the decision's word, and the request from then on.
    pub after: Vec<(&'static str, Value)>,
    /// The problem with which the next POST is refused, after it has made of the request what it makes.
    pub refusal: Option<Value>,
    /// Events that the stream begins with.
    pub events: Vec<(&'static str, Value)>,
    /// Events that it goes on with, once.
    pub later: Vec<(&'static str, Value)>,
    /// Everything else.
    pub anything: Value,
    /// The status of every answer but streams.
    pub status: u16,
    /// Words in place of every answer but streams.
    pub words: Option<&'static str>,
    /// Method, path and body of each call.
    pub calls: Vec<(String, String, Value)>,
    /// Each stream that was opened, with its query.
    pub streams: Vec<String>,
}

/// A running one; it ends with the test's process.
#[derive(Debug, Clone)]
pub struct Server {
    script: Arc<Mutex<Script>>,
    url: String,
}

impl Server {
    /// One with this request.
    pub fn start(request: Value) -> Self {
        let anything = json!({"items": [{"request_id": ID}], "request_id": ID});
        let script = Script {
            request,
            after: Vec::new(),
            refusal: None,
            events: Vec::new(),
            later: Vec::new(),
            anything,
            status: 200,
            words: None,
            calls: Vec::new(),
            streams: Vec::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { script: Arc::new(Mutex::new(script)), url };
        let told = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = told.clone();
                std::thread::spawn(move || told.answer(stream));
            }
        });
        server
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it is told, to be read or changed.
    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no test has failed inside")
    }

    /// The decisions that were sent.
    pub fn decisions(&self) -> Vec<String> {
        let script = self.script();
        let decisions = script.calls.iter().filter(|(_, path, _)| path == "/approve");
        decisions.map(|(_, _, body)| body["decision"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn answer(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut head = String::new();
        reader.read_line(&mut head).ok()?;
        let mut words = head.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let path = target.split('?').next()?.to_owned();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok()?,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if path.ends_with("/events") {
            self.script().streams.push(target);
            return self.stream(stream);
        }
        let (status, answer) = {
            let mut script = self.script();
            let posts = method == "POST";
            script.calls.push((method, target, body.clone()));
            let after = script.after.iter().find(|(decision, _)| body["decision"] == *decision).map(|(_, request)| request.clone());
            if let Some(after) = after {
                script.request = after;
            }
            if posts && let Some(refusal) = script.refusal.take() {
                drop(script);
                return respond(stream, 409, &refusal.to_string());
            }
            let answer = if path.starts_with("/request/") { script.request.clone() } else { script.anything.clone() };
            (script.status, script.words.map_or_else(|| answer.to_string(), str::to_owned))
        };
        respond(stream, status, &answer)
    }

    /// Sends the events, and one more each time that the request has become another.
    fn stream(&self, mut stream: TcpStream) -> Option<()> {
        write!(stream, "HTTP/1.1 200 Told\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n").ok()?;
        for (kind, data) in self.script().events.clone() {
            write!(stream, "event: {kind}\ndata: {data}\n\n").ok()?;
        }
        let mut last = Value::Null;
        loop {
            let now = self.script().request["status"].clone();
            if now != last {
                write!(stream, "event: request\ndata: {}\n\n", json!({"status": now})).ok()?;
                if ["completed", "failed", "cancelled"].iter().any(|ended| now == *ended) {
                    write!(stream, "event: end\ndata: {{}}\n\n").ok()?;
                }
                last = now;
            }
            for (kind, data) in std::mem::take(&mut self.script().later) {
                write!(stream, "event: {kind}\ndata: {data}\n\n").ok()?;
            }
            std::thread::park_timeout(Duration::from_millis(10));
            // Whoever has gone shows when it is written to.
            write!(stream, ": still here\n\n").ok()?;
        }
    }
}

fn respond(mut stream: TcpStream, status: u16, answer: &str) -> Option<()> {
    write!(
        stream,
        "HTTP/1.1 {status} Told\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    )
    .ok()
}

/// A request in this state, with a plan that can be decided about by whoever asks.
pub fn request(status: &str) -> Value {
    json!({
        "request_id": ID, "status": status, "text": "Deploy Kuma to nas", "requested_by": "ada", "tasks": [], "messages": [], "commits": [],
        "waiting_for": {"text": "one approver"},
        "next": if status == "awaiting_approval" { json!(["approve", "reject", "revise", "cancel"]) } else { json!(["cancel"]) },
        "plan": {
            "revision": 1, "summary": "Deploy Kuma to nas", "risk": "low", "sha256": "ab".repeat(32), "planned_by": {"provider": "offline"},
            "steps": [{"step_id": "deploy", "title": "Deploy Kuma to nas", "action": "deploy_kuma", "risk": "low", "hosts": ["nas"],
                       "parameters": {"host": "nas", "port": 3001}, "preview": {"status": "done", "coverage": 1.0, "changes": []}}],
        },
    })
}

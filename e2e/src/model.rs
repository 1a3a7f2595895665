//! A model provider of a test: it speaks the OpenAI-compatible API, plans one step, and can be held in the middle of an answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde_json::json;

#[derive(Debug, Default)]
struct State {
    host: String,
    is_held: bool,
    asked: u32,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A provider on a port of its own. It lives as long as the test's process.
#[derive(Debug)]
pub struct HeldModel {
    port: u16,
    shared: Arc<Shared>,
}

impl HeldModel {
    /// One that plans `action` on the host that is set.
    ///
    /// # Panics
    /// When the machine has no port left.
    pub fn planning(action: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::<Shared>::default();
        let answering = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&answering);
                std::thread::spawn(move || drop(answer(&shared, &stream, action)));
            }
        });
        Self { port, shared }
    }

    /// The configuration of `llm.providers` with this one alone.
    pub fn providers(&self) -> String {
        let url = format!("http://127.0.0.1:{}/v1", self.port);
        format!("[{{name=\"held\",base_url=\"{url}\",model=\"held\",timeout=\"10m\",structured=\"none\"}}]")
    }

    /// The host of what it plans from now on.
    pub fn plan_for(&self, host: &str) {
        host.clone_into(&mut self.shared.state().host);
    }

    /// It takes questions and answers none.
    pub fn hold(&self) {
        self.shared.state().is_held = true;
    }

    /// It answers everything.
    pub fn release(&self) {
        self.shared.state().is_held = false;
        self.shared.changed.notify_all();
    }

    /// How often it was asked.
    pub fn asked(&self) -> u32 {
        self.shared.state().asked
    }
}

fn answer(shared: &Shared, mut stream: &TcpStream, action: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length])?;
        let host = {
            let mut state = shared.state();
            state.asked += 1;
            while state.is_held {
                state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.host.clone()
        };
        let step = json!({"step_id": "only", "title": format!("{action} on {host}"), "action": action, "parameters": {"host": host}});
        let plan = json!({"kind": "plan", "text": format!("{action} on {host}"), "steps": [step]}).to_string();
        let choice = json!({"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": plan}});
        let body = json!({"id": "1", "object": "chat.completion", "created": 1, "model": "held", "choices": [choice],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
        .to_string();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
        stream.flush()?;
    }
}

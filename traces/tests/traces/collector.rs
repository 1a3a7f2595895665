//! A collector that does what collectors do: it takes batches, refuses them, leaves spans out, or says nothing.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message as _;

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// With this status.
    Status(u16),
    /// That it has left out so many spans.
    LeavesOut(i64),
    /// Nothing, for ever.
    Never,
}

#[derive(Debug)]
struct State {
    answers: Answers,
    calls: Vec<(String, ExportTraceServiceRequest)>,
}

/// It lives as long as the test's process.
#[derive(Debug, Clone)]
pub struct Collector {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Collector {
    pub fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let this = Self { address, state: Arc::new(Mutex::new(State { answers, calls: Vec::new() })) };
        let serving = this.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || drop(serving.serve(&stream)));
            }
        });
        this
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn answers(&self, answers: Answers) {
        self.state().answers = answers;
    }

    /// The heads and bodies of all calls.
    pub fn calls(&self) -> Vec<(String, ExportTraceServiceRequest)> {
        self.state().calls.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let before = head.len();
                if reader.read_line(&mut head)? == 0 {
                    return Ok(());
                }
                let line = head.get(before..).unwrap_or_default().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let answers = {
                let mut state = self.state();
                state.calls.push((head, ExportTraceServiceRequest::decode(body.as_slice()).expect("the published schema")));
                state.answers
            };
            let (status, answer) = match answers {
                Answers::Status(status) => (status, Vec::new()),
                Answers::LeavesOut(rejected_spans) => {
                    let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message: "too old".to_owned() });
                    (200, ExportTraceServiceResponse { partial_success }.encode_to_vec())
                }
                Answers::Never => {
                    // Until the caller goes away.
                    reader.read_exact(&mut [0])?;
                    return Ok(());
                }
            };
            write!(stream, "HTTP/1.1 {status} as told\r\ncontent-length: {}\r\n\r\n", answer.len())?;
            stream.write_all(&answer)?;
        }
    }
}

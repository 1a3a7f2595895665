//! A receiver of webhooks at the wire: it keeps what comes, and answers what it is told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chiffon_process::Spawner;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    pub head: String,
    pub body: Value,
    pub text: String,
}

impl Call {
    pub fn header(&self, name: &str) -> String {
        let line = self.head.lines().find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)));
        line.map_or_else(String::new, |(_, value)| value.to_owned())
    }
}

/// A receiver. It ends with its runtime.
#[derive(Debug, Clone)]
pub struct Receiver {
    pub url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    answer: Arc<Mutex<String>>,
}

impl Receiver {
    pub async fn start(tasks: &Spawner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let receiver = Self { url, calls: Arc::default(), answer: Arc::new(Mutex::new("204 No Content\r\n".to_owned())) };
        let serving = receiver.clone();
        tasks.spawn("receiver", async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.serve(stream).await;
            }
        });
        receiver
    }

    /// From now on it answers so: the status line's rest, and headers.
    pub fn answers(&self, head: &str) {
        head.clone_into(&mut self.answer.lock().expect("no panic"));
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no panic").clone()
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut read = Vec::new();
        let (head, text) = loop {
            let mut buffer = [0; 4096];
            let count = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await.map_or(0, |read| read.unwrap_or(0));
            if count == 0 {
                return;
            }
            read.extend_from_slice(&buffer[..count]);
            let whole = String::from_utf8_lossy(&read).into_owned();
            let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                break (head.to_owned(), body.to_owned());
            }
        };
        let body = serde_json::from_str(&text).unwrap_or_default();
        self.calls.lock().expect("no panic").push(Call { head, body, text });
        let answer = self.answer.lock().expect("no panic").clone();
        let endless = answer.contains("X-Endless");
        let length = if endless { "" } else { "Content-Length: 0\r\n" };
        stream.write_all(format!("HTTP/1.1 {answer}{length}Connection: close\r\n\r\n").as_bytes()).await.ok();
        while endless && stream.write_all(&[b'x'; 8_192]).await.is_ok() {}
    }
}

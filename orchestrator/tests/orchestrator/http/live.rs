//! A live view that is read event by event.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use reqwest::{Method, Response};
use serde_json::Value;

use super::App;

/// One server-sent event.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub id: Option<String>,
    pub kind: String,
    pub data: Value,
}

/// One open view; closed when it is dropped.
pub struct View {
    stream: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    buffer: String,
}

impl View {
    /// Opens what is at a path, from behind the event with this id on.
    pub async fn open(app: &App, token: &str, path: &str, after: Option<&str>) -> Self {
        let mut call = app.call(Method::GET, path, token).header("accept", "text/event-stream");
        if let Some(after) = after {
            call = call.header("last-event-id", after);
        }
        let response: Response = call.send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { stream: response.bytes_stream().boxed(), buffer: String::new() }
    }

    /// The next event; `None` at the stream's end.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let told = parse(block);
                self.buffer = rest.to_string();
                match told {
                    Some(told) => return Some(told),
                    None => continue,
                }
            }
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.stream.next()).await.expect("an event within ten seconds");
            self.buffer.push_str(std::str::from_utf8(&chunk?.ok()?).expect("text"));
        }
    }

    pub async fn take(&mut self, count: usize) -> Vec<Told> {
        let mut all = Vec::new();
        while all.len() < count {
            all.push(self.next().await.expect("one more event"));
        }
        all
    }
}

fn parse(block: &str) -> Option<Told> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
    let data = field("data:")?;
    Some(Told { id: field("id:").map(str::to_owned), kind: field("event:")?.to_owned(), data: serde_json::from_str(data).expect("JSON") })
}

//! The event stream of a request, resumed by itself where it was cut.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde_json::Value;

use super::Api;
use crate::exit::{Exit, Failure};

/// No event is longer; a server that sends on without ending one is none of ours.
const LONGEST_EVENT_BYTES: usize = 16 * 1024 * 1024;
/// How often a connection is opened again, about a second apart.
const TRIES: u32 = 60;

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    /// `request | task | message | plan | log | commit | end`.
    pub kind: String,
    /// What changed.
    pub data: Value,
}

/// A request's events, in order.
pub struct Events {
    api: Api,
    path: String,
    cursor: Option<String>,
    buffer: Buffer,
    /// How often it was tried in vain since something was heard; kept here, because whoever asks may stop waiting in between.
    tries: u32,
    is_lost: bool,
    stream: Option<BoxStream<'static, reqwest::Result<bytes::Bytes>>>,
}

impl Events {
    /// All events of a request from its beginning.
    pub fn of(api: &Api, request_id: &str) -> Self {
        Self {
            api: api.clone(),
            path: format!("/request/{request_id}/events"),
            cursor: None,
            buffer: Buffer::default(),
            tries: 0,
            is_lost: false,
            stream: None,
        }
    }

    /// The next event; a connection that breaks is opened again where it was cut, for a minute.
    pub async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            if self.tries == 1 && !self.is_lost {
                self.is_lost = true;
                eprintln!("Connection lost, trying again; what runs goes on …");
            }
            if let Some(event) = self.buffered() {
                return Ok(event);
            }
            if self.stream.is_none() {
                match self.api.stream(&self.path, self.cursor.as_deref()).await {
                    Ok(response) => {
                        if std::mem::take(&mut self.is_lost) {
                            eprintln!("Connected again.");
                        }
                        self.stream = Some(response.bytes_stream().boxed());
                    }
                    Err(failure) if failure.exit == Exit::Unreachable && self.tries < TRIES => {
                        self.tries += 1;
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        continue;
                    }
                    Err(failure) => return Err(failure),
                }
            }
            if let Some(Ok(bytes)) = self.stream.as_mut().expect("opened above").next().await {
                self.tries = 0;
                self.buffer.push(&bytes);
                if self.buffer.bytes.len() > LONGEST_EVENT_BYTES {
                    let message = format!("an event is longer than {LONGEST_EVENT_BYTES} bytes; is this address a Chiffon?");
                    return Err(Failure::failed(message));
                }
            } else {
                self.stream = None;
                self.buffer = Buffer::default();
                self.tries += 1;
                if self.tries > TRIES {
                    return Err(Failure { exit: Exit::Unreachable, message: "the event stream ends again and again".to_owned() });
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }

    fn buffered(&mut self) -> Option<Event> {
        loop {
            let block = self.buffer.block()?;
            let (mut kind, mut data) = (String::new(), String::new());
            for line in block.lines() {
                match line.split_once(':') {
                    Some(("event", value)) => value.trim().clone_into(&mut kind),
                    Some(("data", value)) => data.push_str(value.trim_start()),
                    Some(("id", value)) => self.cursor = Some(value.trim().to_owned()),
                    _ => {}
                }
            }
            if !kind.is_empty() {
                return Some(Event { kind, data: serde_json::from_str(&data).unwrap_or_default() });
            }
        }
    }
}

/// What has come and is not yet a whole block. Bytes, because a chunk may end inside a character.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    /// Up to here there is no end of a block.
    looked: usize,
}

impl Buffer {
    fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend(chunk.iter().filter(|byte| **byte != b'\r'));
    }

    /// The next block, up to the empty line behind it.
    fn block(&mut self) -> Option<String> {
        let unseen = self.bytes.get(self.looked..)?;
        let Some(at) = unseen.windows(2).position(|pair| pair == b"\n\n") else {
            self.looked = self.bytes.len().saturating_sub(1);
            return None;
        };
        let rest = self.bytes.split_off(self.looked + at + 2);
        let block = std::mem::replace(&mut self.bytes, rest);
        self.looked = 0;
        Some(String::from_utf8_lossy(&block).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_whole_wherever_its_bytes_were_cut() {
        let text = "id: 1\r\nevent: task\r\ndata: größe 設定\r\n\r\nid: 2\nevent: end\ndata: {}\n\nid: 3";
        for cut in 0..text.len() {
            let (first, second) = text.as_bytes().split_at(cut);
            let mut buffer = Buffer::default();
            let mut blocks = Vec::new();
            for piece in [first, second] {
                buffer.push(piece);
                blocks.extend(std::iter::from_fn(|| buffer.block()));
            }
            assert_eq!(blocks, ["id: 1\nevent: task\ndata: größe 設定\n\n", "id: 2\nevent: end\ndata: {}\n\n"], "cut at {cut}");
        }
    }
}

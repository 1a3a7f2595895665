//! The event stream of a request, or of all, resumed by itself where it was cut.

use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use reqwest::Response;
use serde_json::Value;
use tokio::time::Sleep;

use super::Api;
use super::loss::Loss;
use crate::exit::{Exit, Failure};

/// No event is longer; a server that sends on without ending one is none of ours.
const LONGEST_EVENT_BYTES: usize = 16 * 1024 * 1024;
/// The server says every 15 s that it is there, and may be a little late. What is silent for longer may have gone without a word.
const HEARD_WITHIN: Duration = Duration::from_secs(18);
/// It has been late twice.
const GONE_AFTER: Duration = Duration::from_secs(33);
/// A stream is opened at once, or by nobody.
const OPENED_WITHIN: Duration = Duration::from_secs(10);
/// How long it is waited before somebody who can't be reached is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// The same where a stream has ended.
const SHORT_PAUSE: Duration = Duration::from_millis(200);

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
    id: String,
    path: String,
    /// Where it begins, as long as no event has been told.
    from: Option<&'static str>,
    cursor: Option<String>,
    buffer: Buffer,
    loss: Loss,
    connection: Connection,
}

/// Kept here, because whoever asks for the next event may stop waiting in between.
enum Connection {
    Resting(Pin<Box<Sleep>>),
    Opening(BoxFuture<'static, Result<Response, Failure>>),
    Reading { stream: BoxStream<'static, reqwest::Result<bytes::Bytes>>, heard: Instant },
}

impl Events {
    /// All events of a request from its beginning.
    pub fn of(api: &Api, request_id: &str) -> Self {
        Self {
            api: api.clone(),
            id: request_id.to_owned(),
            path: format!("/request/{request_id}/events"),
            from: None,
            cursor: None,
            buffer: Buffer::default(),
            loss: Loss::of(api),
            connection: rest(Duration::ZERO),
        }
    }

    /// The same, for whoever shows in their own way that a connection is lost, and looks for it without end.
    pub fn quietly(api: &Api, request_id: &str) -> Self {
        Self { loss: Loss::quiet(api), ..Self::of(api, request_id) }
    }

    /// All events of all requests from now on, for the same.
    pub fn of_all(api: &Api) -> Self {
        Self { path: "/events".to_owned(), from: Some("now"), ..Self::quietly(api, "") }
    }

    /// Whether silence means that nothing happens: the server says now and then that it is there.
    pub fn are_heard(&self) -> bool {
        matches!(&self.connection, Connection::Reading { heard, .. } if heard.elapsed() < HEARD_WITHIN)
    }

    /// The next event; a connection that breaks is opened again where it was cut.
    pub async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            if let Some(event) = self.buffered() {
                return Ok(event);
            }
            match &mut self.connection {
                Connection::Resting(pause) => {
                    pause.await;
                    self.connection = Connection::Opening(open(self.api.clone(), self.path.clone(), self.from, self.cursor.clone()));
                }
                Connection::Opening(opening) => {
                    let opened = opening.await;
                    self.connection = rest(PAUSE);
                    match opened {
                        Ok(response) => {
                            self.loss.found();
                            self.connection = Connection::Reading { stream: response.bytes_stream().boxed(), heard: Instant::now() };
                        }
                        Err(failure) => self.loss.lost(failure)?,
                    }
                }
                Connection::Reading { stream, heard } => {
                    let left = GONE_AFTER.saturating_sub(heard.elapsed());
                    if let Ok(Some(Ok(bytes))) = tokio::time::timeout(left, stream.next()).await {
                        *heard = Instant::now();
                        self.loss.heard();
                        self.take(&bytes)?;
                    } else {
                        self.connection = rest(SHORT_PAUSE);
                        self.buffer = Buffer::default();
                        self.loss.cut()?;
                    }
                }
            }
        }
    }

    /// The request, also when it can't be asked for a moment: an orchestrator that starts again loses nothing.
    pub async fn request(&mut self) -> Result<Value, Failure> {
        loop {
            match self.api.request(&self.id).await {
                Ok(request) => {
                    self.loss.found();
                    self.loss.heard();
                    return Ok(request);
                }
                Err(failure) => self.loss.lost(failure)?,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.buffer.push(bytes);
        if self.buffer.bytes.len() > LONGEST_EVENT_BYTES {
            return Err(Failure::failed(format!("an event is longer than {LONGEST_EVENT_BYTES} bytes; is this address a Chiffon?")));
        }
        Ok(())
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

fn rest(pause: Duration) -> Connection {
    Connection::Resting(Box::pin(tokio::time::sleep(pause)))
}

fn open(api: Api, path: String, from: Option<&'static str>, cursor: Option<String>) -> BoxFuture<'static, Result<Response, Failure>> {
    let opened = async move {
        let from = from.filter(|_| cursor.is_none());
        let opened = tokio::time::timeout(OPENED_WITHIN, api.stream(&path, from, cursor.as_deref())).await;
        let nobody = || Failure { exit: Exit::Unreachable, message: "somebody listens there and does not answer".to_owned() };
        opened.unwrap_or_else(|_| Err(nobody()))
    };
    opened.boxed()
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

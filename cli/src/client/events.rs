//! The event stream of a request, resumed by itself where it was cut.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde_json::Value;

use super::Api;
use crate::exit::{Exit, Failure};

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
    buffer: String,
    stream: Option<BoxStream<'static, reqwest::Result<bytes::Bytes>>>,
}

impl Events {
    /// All events of a request from its beginning.
    pub fn of(api: &Api, request_id: &str) -> Self {
        Self { api: api.clone(), path: format!("/request/{request_id}/events"), cursor: None, buffer: String::new(), stream: None }
    }

    /// The next event; a connection that breaks is opened again where it was cut, for a minute.
    pub async fn next(&mut self) -> Result<Event, Failure> {
        let mut tries = 0;
        loop {
            if let Some(event) = self.buffered() {
                return Ok(event);
            }
            if self.stream.is_none() {
                match self.api.stream(&self.path, self.cursor.as_deref()).await {
                    Ok(response) => self.stream = Some(response.bytes_stream().boxed()),
                    Err(failure) if failure.exit == Exit::Unreachable && tries < 60 => {
                        tries += 1;
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        continue;
                    }
                    Err(failure) => return Err(failure),
                }
            }
            if let Some(Ok(bytes)) = self.stream.as_mut().expect("opened above").next().await {
                self.buffer.push_str(&String::from_utf8_lossy(&bytes).replace('\r', ""));
            } else {
                self.stream = None;
                self.buffer.clear();
                tries += 1;
                if tries > 60 {
                    return Err(Failure { exit: Exit::Unreachable, message: "the event stream ends again and again".to_owned() });
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }

    fn buffered(&mut self) -> Option<Event> {
        loop {
            let end = self.buffer.find("\n\n")?;
            let block: String = self.buffer.drain(..end + 2).collect();
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

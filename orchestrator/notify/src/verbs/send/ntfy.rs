//! A message to a topic of an ntfy server, published as JSON at the server's own address. (ntfy, "Publish as JSON".)

use serde_json::json;

use super::{Said, answer, secret};
use crate::domain::backoff::Failed;
use crate::domain::channel::Channel;

/// A longer message would arrive as a file.
const MOST_BYTES: usize = 3_800;

/// Sends it. The channel's secret, if it has one, is an access token.
pub async fn send(http: &reqwest::Client, channel: &Channel, said: &Said) -> Result<(), Failed> {
    let message = message(said);
    let mut call = http.post(&channel.url).json(&json!({
        "topic": channel.topic, "title": said.title, "message": message, "priority": priority(said.risk.as_deref()), "click": said.url,
        "tags": [said.kind],
    }));
    if let Some(token) = secret::of_any(channel)? {
        call = call.bearer_auth(token);
    }
    answer::of(call).await
}

/// What it tells, as far as it fits; of several things each whole, with its link, or not at all.
fn message(said: &Said) -> String {
    if said.items.is_empty() {
        return said.body.get(..said.body.floor_char_boundary(MOST_BYTES)).unwrap_or_default().to_owned();
    }
    let (mut message, mut told) = (String::new(), 0);
    for item in &said.items {
        let one = format!("{}\n{}\n", item.title, item.url);
        if message.len() + one.len() > MOST_BYTES {
            break;
        }
        message.push_str(&one);
        told += 1;
    }
    match said.items.len() - told {
        0 => message,
        more => format!("{message}and {more} more"),
    }
}

/// 1 is the least, 3 the usual, 5 the most urgent.
fn priority(risk: Option<&str>) -> u8 {
    match risk {
        Some("read_only") => 2,
        Some("high") => 4,
        Some("destructive") => 5,
        _ => 3,
    }
}

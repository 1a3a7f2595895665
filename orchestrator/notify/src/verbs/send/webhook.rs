//! A signed call of an address, by the Standard Webhooks scheme: `webhook-id`, `webhook-timestamp`, and `webhook-signature`, which is
//! `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. (standard-webhooks, specification 1.0.)

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use sha2::Sha256;

use super::{Said, answer, secret};
use crate::domain::backoff::Failed;
use crate::domain::channel::Channel;

/// What a secret of this scheme begins with; the rest is base64.
const PREFIX: &str = "whsec_";

/// Sends it.
pub async fn send(http: &reqwest::Client, channel: &Channel, said: &Said, now: DateTime<Utc>) -> Result<(), Failed> {
    let secret = secret::of(channel)?;
    let (id, timestamp) = (said.id.to_string(), now.timestamp());
    let mut body = json!({
        "type": format!("notification.{}", said.kind),
        "timestamp": said.at,
        "data": {
            "id": said.id, "kind": said.kind, "title": said.title, "text": said.body, "url": said.url, "request_id": said.request_id,
            "plan_sha256": said.plan_sha256, "risk": said.risk, "person": said.person,
        },
    });
    if !said.items.is_empty() {
        body["data"]["items"] = json!(said.items);
    }
    let body = body.to_string();
    let call = http
        .post(&channel.url)
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", &id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signature(&secret, &id, timestamp, &body)?)
        .body(body);
    answer::of(call).await
}

/// The key that a secret stands for: what its base64 says, or its own bytes.
fn signature(secret: &str, id: &str, timestamp: i64, body: &str) -> Result<String, Failed> {
    let key = match secret.strip_prefix(PREFIX) {
        Some(text) => {
            BASE64.decode(text).map_err(|_| Failed::for_now("the channel's secret begins with `whsec_` and goes on with no base64"))?
        }
        None => secret.as_bytes().to_vec(),
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| Failed::for_good(error.to_string()))?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Ok(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specifications_example() {
        let signed =
            signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed.as_deref(), Ok("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert!(signature("whsec_!", "a", 1, "b").is_err());
    }
}

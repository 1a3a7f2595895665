//! Tests a channel: a message goes out now, and its caller learns how that went.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::role::Principal;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

use super::Context;
use super::send::{self, Said};
use crate::store::counts;

/// What is counted, and what receivers read.
const KIND: &str = "test";

/// Sends a message to this channel ([`ErrorCode::ChannelNotFound`], [`ErrorCode::NotDelivered`]).
pub async fn run(context: &Context, caller: &Principal, name: &str) -> Result<(), Problem> {
    let channel = context.settings.channels.iter().find(|channel| channel.name == name).ok_or_else(|| {
        let message =
            format!("there is no channel `{}`; `GET /notifications/channels` lists those of the configuration", name.escape_default());
        Problem::new(ErrorCode::ChannelNotFound, message)
    })?;
    let now = context.clock.now();
    let said = Said {
        id: context.ids.new_id(),
        kind: KIND,
        title: "A test of Chiffon".to_owned(),
        body: format!("{} tests the channel {name}. What it tells comes like this.", caller.name),
        url: format!("{}/ui/operations", context.public_url),
        request_id: None,
        plan_sha256: None,
        risk: None,
        person: channel.person.clone(),
        at: now,
        items: Vec::new(),
    };
    let sent = send::send(context, channel, &said).await;
    let mut work = context.begin().await?;
    counts::add(&mut work, name, KIND, if sent.is_ok() { "sent" } else { "failed" }).await?;
    let error = sent.as_ref().err().map(|failed| failed.why.clone());
    work.audit_system(AuditEvent::new(&caller.name, "notification.tested", json!({"channel": name, "error": error})));
    work.commit().await?;
    sent.map_err(|failed| Problem::new(ErrorCode::NotDelivered, format!("the channel `{name}` could not be tested: {}", failed.why)))
}

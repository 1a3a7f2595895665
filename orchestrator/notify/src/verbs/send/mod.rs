//! Speaking to receivers.

pub mod answer;
pub mod email;
pub mod ntfy;
pub mod secret;
pub mod slack;
pub mod webhook;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::Context;
use crate::domain::backoff::Failed;
use crate::domain::channel::{Channel, Medium};

/// Tells it by the channel.
pub async fn send(context: &Context, channel: &Channel, said: &Said) -> Result<(), Failed> {
    match channel.kind {
        Medium::Webhook => webhook::send(&context.http, channel, said, context.clock.now()).await,
        Medium::Ntfy => ntfy::send(&context.http, channel, said).await,
        Medium::Slack => slack::send(&context.http, channel, said).await,
        Medium::Email => email::send(&context.settings.smtp, channel, said, &context.public_url).await,
    }
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The same in every try: receivers drop doubles by it.
    pub id: Uuid,
    /// What it is about, in one word.
    pub kind: &'static str,
    /// On one line.
    pub title: String,
    /// More of it.
    pub body: String,
    /// The one link.
    pub url: String,
    /// The request.
    pub request_id: Option<Uuid>,
    /// The plan to be decided.
    pub plan_sha256: Option<String>,
    /// That of the plan.
    pub risk: Option<String>,
    /// Whom it is for.
    pub person: Option<String>,
    /// When it came about.
    pub at: DateTime<Utc>,
    /// What it tells together; empty where that is one thing.
    pub items: Vec<Item>,
}

/// One of several things that are told together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The notice.
    pub id: Uuid,
    /// What it is about, in one word.
    pub kind: &'static str,
    /// On one line.
    pub title: String,
    /// More of it.
    pub text: String,
    /// Its link.
    pub url: String,
    /// The request.
    pub request_id: Option<Uuid>,
    /// The plan to be decided.
    pub plan_sha256: Option<String>,
    /// That of the plan.
    pub risk: Option<String>,
}

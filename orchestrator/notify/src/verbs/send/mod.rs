//! Speaking to receivers.

pub mod secret;
pub mod webhook;

use chrono::{DateTime, Utc};
use uuid::Uuid;

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
}

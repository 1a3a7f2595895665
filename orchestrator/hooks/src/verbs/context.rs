//! What hooks work with: what requests do, and the hooks.

use std::ops::Deref;
use std::sync::Arc;

use chiffon_protocol::{ErrorCode, Problem};
use chiffon_requests::verbs as requests;

use crate::domain::hook::{Hook, Webhooks};

/// What hooks work with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// What requests work with.
    pub requests: requests::Context,
    /// The hooks.
    pub settings: Arc<Webhooks>,
}

impl Context {
    /// With these hooks.
    pub fn new(requests: requests::Context, settings: Webhooks) -> Self {
        Self { requests, settings: Arc::new(settings) }
    }

    /// The hook of this name ([`ErrorCode::WebhookNotFound`]).
    pub fn hook(&self, name: &str) -> Result<&Hook, Problem> {
        self.settings.hooks.iter().find(|hook| hook.name == name).ok_or_else(|| {
            let message = format!("there is no webhook `{}`; `chiffon webhook` lists those of the configuration", name.escape_default());
            Problem::new(ErrorCode::WebhookNotFound, message)
        })
    }
}

impl Deref for Context {
    type Target = requests::Context;

    fn deref(&self) -> &requests::Context {
        &self.requests
    }
}

//! Ids, injected: time-ordered ones for rows, random ones for messages.

use std::sync::Arc;

use uuid::Uuid;

/// Where ids come from.
pub trait IdSource: Send + Sync + std::fmt::Debug {
    /// A UUID v7: rows made later sort later.
    fn new_id(&self) -> Uuid;

    /// A UUID v4, for `message_id` (the contract asks for v4).
    fn new_message_id(&self) -> Uuid;

    /// A W3C trace id: 32 lower-case hex digits, not all zero.
    fn new_trace_id(&self) -> String {
        self.new_message_id().simple().to_string()
    }
}

/// Ids from the system's randomness and clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl RandomIds {
    /// The source as the shared object that most code takes.
    pub fn shared() -> Arc<dyn IdSource> {
        Arc::new(Self)
    }
}

impl IdSource for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    fn new_message_id(&self) -> Uuid {
        Uuid::new_v4()
    }
}

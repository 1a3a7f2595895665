//! What every endpoint works with.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::live::Live;
use super::measures::Measures;
use crate::audit_repo::AuditRepository;
use crate::service::Context;

/// Limits of the HTTP interface, from configuration, and what it looks at beside the database.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Where people reach the API, such as `https://chiffon.lan`; empty for the address that a caller called.
    pub public_url: String,
    /// The largest body of a call.
    pub max_body_bytes: usize,
    /// No call takes longer (live views and long polls aside).
    pub request_timeout: Duration,
    /// The longest that `?wait=` may ask for.
    pub max_wait: Duration,
    /// A connection on which no call is begun and its head sent within this is closed.
    pub header_timeout: Duration,
    /// How many connections there may be at once.
    pub max_connections: usize,
    /// How many of them may come from one address. This machine's own have no such limit.
    pub max_connections_per_address: usize,
    /// How many live views there may be at once.
    pub max_streams: usize,
    /// A live view looks by itself this often, even if nothing was announced.
    pub live_period: Duration,
    /// How long a live view of an ended request waits for its last log lines and commits.
    pub live_linger: Duration,
    /// The audit repository, to be checked with the audit log; `None` leaves it out.
    pub audit_repository: Option<AuditRepository>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            public_url: String::new(),
            max_body_bytes: 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            max_wait: Duration::from_mins(1),
            header_timeout: Duration::from_secs(30),
            max_connections: 1_000,
            max_connections_per_address: 250,
            max_streams: 256,
            live_period: Duration::from_secs(5),
            live_linger: Duration::from_secs(10),
            audit_repository: None,
        }
    }
}

/// What every endpoint works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpState {
    /// What use cases work with.
    pub context: Context,
    /// Limits.
    pub options: Arc<HttpOptions>,
    pub(super) live: Arc<Live>,
    pub(super) measures: Arc<Measures>,
    pub(super) streams: Arc<Semaphore>,
}

impl HttpState {
    /// A state for one server.
    pub fn new(context: Context, options: HttpOptions) -> Self {
        let streams = Arc::new(Semaphore::new(options.max_streams));
        Self { context, options: Arc::new(options), live: Arc::default(), measures: Arc::default(), streams }
    }

    pub(super) fn pool(&self) -> &sqlx::PgPool {
        self.context.store.pool()
    }
}

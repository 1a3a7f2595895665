//! What every endpoint works with.

use std::sync::Arc;
use std::time::Duration;

use super::hosts::Hosts;
use super::limits::Limits;
use super::live::Live;
use super::measures::Measures;
use super::places::Most;
use crate::audit_repo::AuditRepository;
use crate::verbs::Context;

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
    pub views: Most,
    /// How many calls may wait for something at once.
    pub waits: Most,
    /// How often one principal may call in a second; twice as often for a moment.
    pub calls_per_second: u32,
    /// How many tokens that do not count may come from one address in a minute.
    pub failed_tokens_per_minute: u32,
    /// Names by which it may be called, beside addresses, `localhost` and the one of `public_url`. `.lan` is every name in `lan`, `*` any.
    pub allowed_hosts: Vec<String>,
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
            views: Most { all: 256, of_one: 64 },
            waits: Most { all: 256, of_one: 64 },
            calls_per_second: 1_000,
            failed_tokens_per_minute: 120,
            allowed_hosts: Vec::new(),
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
    pub(super) limits: Arc<Limits>,
    pub(super) hosts: Arc<Hosts>,
}

impl HttpState {
    /// A state for one server.
    pub fn new(context: Context, options: HttpOptions) -> Self {
        let (limits, hosts) = (Arc::new(Limits::new(&options)), Arc::new(Hosts::new(&options)));
        Self { context, options: Arc::new(options), live: Arc::default(), measures: Arc::default(), limits, hosts }
    }

    pub(super) fn pool(&self) -> &sqlx::PgPool {
        self.context.store.pool()
    }
}

//! What every endpoint works with.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;

use super::hosts::Hosts;
use super::limits::Limits;
use super::measures::Measures;
use super::places::Most;
use crate::verbs::Context;
use crate::verbs::hashing::Hashing;
use crate::verbs::live::Live;

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
    /// Who follows which request.
    pub live: Arc<Live>,
    /// How calls went.
    pub measures: Arc<Measures>,
    /// What each caller may take.
    pub limits: Arc<Limits>,
    /// By which names it may be called.
    pub hosts: Arc<Hosts>,
    /// Where passwords are hashed.
    pub hashing: Arc<Hashing>,
}

impl HttpState {
    /// A state for one server.
    pub fn new(context: Context, options: HttpOptions) -> Self {
        let (limits, hosts) = (Arc::new(Limits::new(&options)), Arc::new(Hosts::new(&options)));
        let live = Arc::clone(&context.live);
        Self { context, options: Arc::new(options), live, measures: Arc::default(), limits, hosts, hashing: Arc::default() }
    }

    /// The pool, for reading.
    pub fn pool(&self) -> &sqlx::PgPool {
        self.context.store.pool()
    }
}

/// What the endpoints of one part work with: the server's own, and that part's context.
#[derive(Debug, Clone)]
pub struct Room<C> {
    /// What the part's use cases work with.
    pub context: C,
    server: HttpState,
}

impl<C> Room<C> {
    /// A part's room in this server.
    pub fn new(server: HttpState, context: C) -> Self {
        Self { context, server }
    }
}

impl<C> Deref for Room<C> {
    type Target = HttpState;

    fn deref(&self) -> &HttpState {
        &self.server
    }
}

impl<C> FromRef<Room<C>> for HttpState {
    fn from_ref(room: &Room<C>) -> Self {
        room.server.clone()
    }
}

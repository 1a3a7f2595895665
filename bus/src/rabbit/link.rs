//! One connection that comes back by itself: opened, watched, and opened again with growing delays until the bus is closed.
//!
//! lapin's own recovery stays off. It leaves a consumer hanging for ever after a channel-level close, keeps a publish pending
//! for a whole outage and tells nobody that there is one.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chiffon_process::retry::Policy;
use futures::StreamExt as _;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, Event};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::declare::Wanted;
use crate::{BusError, Status};

/// How often a connection is looked at besides its events, because not every loss has one.
const LOOK: Duration = Duration::from_millis(500);
/// How long a parting word may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a connection is for. A broker under an alarm stops reading from connections that publish, so acks need another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Publishing only.
    Publish,
    /// Everything else; owns the exclusive queues.
    Consume,
}

/// A connection's state.
#[derive(Debug, Clone)]
pub enum State {
    /// There is none; why.
    Down(String),
    /// It works.
    Up(Arc<Connection>),
    /// It works, but the broker takes no messages; why.
    Blocked(Arc<Connection>, String),
    /// The bus was closed.
    Closed,
}

/// A supervised connection.
pub struct Link {
    role: Role,
    /// The broker's nodes, tried in this order.
    uris: Vec<AMQPUri>,
    name: String,
    state: watch::Sender<State>,
    health: Arc<Health>,
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Link({:?}, {:?})", self.role, *self.state.borrow())
    }
}

/// The state of both connections as one.
#[derive(Debug)]
pub struct Health {
    each: Mutex<[Status; 2]>,
    pub status: watch::Sender<Status>,
}

impl Health {
    pub fn new() -> Arc<Self> {
        let connecting = Status::Disconnected("connecting for the first time".to_owned());
        Arc::new(Self { each: Mutex::new([connecting.clone(), connecting.clone()]), status: watch::Sender::new(connecting) })
    }

    fn report(&self, role: Role, status: Status) {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        each[usize::from(role == Role::Consume)] = status;
        let worst = each.iter().max_by_key(|status| match status {
            Status::Connected => 0,
            Status::Blocked(_) => 1,
            Status::Disconnected(_) => 2,
        });
        let worst = worst.cloned().unwrap_or(Status::Connected);
        self.status.send_if_modified(|current| {
            let changed = *current != worst;
            *current = worst;
            changed
        });
    }
}

/// A node in the log.
fn node(uri: &AMQPUri) -> String {
    format!("{}:{}", uri.authority.host, uri.authority.port)
}

impl Link {
    pub fn new(role: Role, uris: Vec<AMQPUri>, connection_name: &str, health: Arc<Health>) -> Arc<Self> {
        let suffix = if role == Role::Publish { "publish" } else { "consume" };
        let state = watch::Sender::new(State::Down("connecting for the first time".to_owned()));
        Arc::new(Self { role, uris, name: format!("{connection_name} ({suffix})"), state, health })
    }

    /// The connection; waits for it as long as its caller lets it.
    pub async fn connected(&self) -> Result<Arc<Connection>, BusError> {
        self.when(|state| match state {
            State::Up(connection) | State::Blocked(connection, _) => Some(connection.clone()),
            State::Down(_) | State::Closed => None,
        })
        .await
    }

    /// The connection, while the broker takes messages; waits for it as long as its caller lets it.
    pub async fn taking(&self) -> Result<Arc<Connection>, BusError> {
        self.when(|state| match state {
            State::Up(connection) => Some(connection.clone()),
            State::Blocked(..) | State::Down(_) | State::Closed => None,
        })
        .await
    }

    async fn when(&self, fits: impl Fn(&State) -> Option<Arc<Connection>>) -> Result<Arc<Connection>, BusError> {
        let mut states = self.state.subscribe();
        let state = states.wait_for(|state| fits(state).is_some() || matches!(state, State::Closed)).await;
        state.ok().and_then(|state| fits(&state)).ok_or(BusError::Closed)
    }

    /// Why something took too long.
    pub fn trouble(&self, waited: Duration) -> BusError {
        match &*self.state.borrow() {
            State::Up(_) => BusError::Unavailable(format!("it did not answer within {waited:?}")),
            State::Down(reason) => BusError::Unavailable(reason.clone()),
            State::Blocked(_, reason) => BusError::Refused(reason.clone()),
            State::Closed => BusError::Closed,
        }
    }

    fn set(&self, state: State) {
        let status = match &state {
            State::Up(_) => Status::Connected,
            State::Down(reason) => Status::Disconnected(reason.clone()),
            State::Blocked(_, reason) => Status::Blocked(reason.clone()),
            State::Closed => Status::Disconnected("the bus is closed".to_owned()),
        };
        self.state.send_replace(state);
        self.health.report(self.role, status);
    }

    /// Keeps the connection until the bus is closed. What is `wanted` is declared before anyone gets to see it.
    pub async fn supervise(self: Arc<Self>, patience: Duration, wanted: Option<Arc<Wanted>>, closed: CancellationToken) {
        let mut delays = Policy::RECONNECT.delays();
        let mut failed = 0;
        let mut nodes = self.uris.iter().cycle();
        while let Some(uri) = nodes.next().filter(|_| !closed.is_cancelled()) {
            let opened = tokio::select! {
                () = closed.cancelled() => break,
                opened = timeout(patience, self.open(uri, wanted.as_deref())) => opened,
            };
            match opened.unwrap_or_else(|_| Err(format!("the broker did not answer within {patience:?}"))) {
                Ok(connection) => {
                    let since = Instant::now();
                    failed = 0;
                    tracing::info!(connection = self.name, node = node(uri), "connected to the broker");
                    let reason = self.watch(&connection, &closed).await;
                    if let Err(error) = timeout(FAREWELL, connection.close(200, "closed".into())).await {
                        tracing::debug!(connection = self.name, %error, "the broker did not answer the farewell");
                    }
                    if closed.is_cancelled() {
                        break;
                    }
                    tracing::warn!(
                        connection = self.name,
                        node = node(uri),
                        reason,
                        "the connection to the broker was lost; connecting again"
                    );
                    self.set(State::Down(reason));
                    // A connection that dies as soon as it is made does not count as a success.
                    if since.elapsed() > Policy::RECONNECT.longest {
                        delays.reset();
                    }
                }
                Err(reason) => {
                    tracing::warn!(connection = self.name, node = node(uri), reason, "the broker can't be reached; trying again");
                    self.set(State::Down(reason));
                    failed += 1;
                    // Nothing is gained by waiting before a node that was not asked yet.
                    if failed % self.uris.len() != 0 {
                        continue;
                    }
                }
            }
            let delay = delays.next_delay().unwrap_or(Policy::RECONNECT.longest);
            tokio::select! {
                () = closed.cancelled() => break,
                () = tokio::time::sleep(delay) => {}
            }
        }
        self.set(State::Closed);
    }

    async fn open(&self, uri: &AMQPUri, wanted: Option<&Wanted>) -> Result<Arc<Connection>, String> {
        let properties = ConnectionProperties::default().with_connection_name(self.name.as_str().into());
        let connection = Connection::connect_uri(uri.clone(), properties).await.map_err(|error| error.to_string())?;
        if let Some(wanted) = wanted {
            wanted.declare_again(&connection).await?;
        }
        Ok(Arc::new(connection))
    }

    /// Until the connection is lost; why.
    async fn watch(&self, connection: &Arc<Connection>, closed: &CancellationToken) -> String {
        let mut events = connection.events_listener().fuse();
        self.set(State::Up(connection.clone()));
        let mut reason = "the connection broke without a word".to_owned();
        loop {
            tokio::select! {
                () = closed.cancelled() => return "the bus is closed".to_owned(),
                event = events.select_next_some() => match event {
                    Event::ConnectionBlocked(why) => {
                        let why = format!("the broker takes no messages: {why}");
                        tracing::warn!(connection = self.name, why, "the broker is blocked");
                        self.set(State::Blocked(connection.clone(), why));
                    }
                    Event::ConnectionUnblocked => self.set(State::Up(connection.clone())),
                    Event::Error(error) => reason = error.to_string(),
                    _ => {}
                },
                () = tokio::time::sleep(LOOK) => {}
            }
            if !connection.status().connected() {
                return reason;
            }
        }
    }
}

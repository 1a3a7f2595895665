//! One `LISTEN` per process, fanned out to everyone who follows a request.
//!
//! It carries ids only and may lose any of them: whoever follows reads the database, at each wake and by a period
//! (RELIABILITY 23). A lost connection wakes everyone, because nobody knows what was missed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use chiffon_process::Shutdown;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::store::{self, Store};

const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// Who follows which request, or all.
#[derive(Debug, Default)]
pub struct Live {
    followers: Mutex<HashMap<Uuid, Weak<Notify>>>,
    any: Arc<Notify>,
}

impl Live {
    /// A signal for each new event of this request, for as long as it is held. Take it before reading.
    pub fn follow(&self, request_id: Uuid) -> Arc<Notify> {
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signal) = followers.get(&request_id).and_then(Weak::upgrade) {
            return signal;
        }
        followers.retain(|_, signal| signal.strong_count() > 0);
        let signal = Arc::new(Notify::new());
        followers.insert(request_id, Arc::downgrade(&signal));
        signal
    }

    /// A signal for each new event of whatever has some. Take it before reading.
    pub fn follow_all(&self) -> Arc<Notify> {
        self.any.clone()
    }

    /// Says that this request has a new event.
    pub fn wake(&self, request_id: Uuid) {
        self.any.notify_waiters();
        let signal = self.followers.lock().unwrap_or_else(PoisonError::into_inner).get(&request_id).and_then(Weak::upgrade);
        if let Some(signal) = signal {
            signal.notify_waiters();
        }
    }

    fn wake_all(&self) {
        self.any.notify_waiters();
        for signal in self.followers.lock().unwrap_or_else(PoisonError::into_inner).values().filter_map(Weak::upgrade) {
            signal.notify_waiters();
        }
    }

    /// Listens until it is dropped; never returns.
    pub async fn listen(&self, store: &Store, shutdown: &Shutdown) {
        loop {
            let Err(error) = self.listen_once(store).await;
            tracing::warn!(%error, "live views listen no more for changes; they look by themselves until the database is back");
            if !shutdown.sleep(RECONNECT_AFTER).await {
                std::future::pending::<Infallible>().await;
            }
        }
    }

    async fn listen_once(&self, store: &Store) -> Result<Infallible, sqlx::Error> {
        let mut listener = PgListener::connect_with(store.pool()).await?;
        listener.listen(store::events::CHANNEL).await?;
        loop {
            self.wake_all();
            while let Some(announced) = store::heard(&mut listener, store::events::CHANNEL).await? {
                if let Ok(request_id) = announced.payload().parse() {
                    self.wake(request_id);
                }
            }
        }
    }
}

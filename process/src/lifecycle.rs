//! Two-stage stop and named, tracked tasks.
//!
//! Stage one, *drain*: take no new work. Stage two, *stop*: leave now. A task that panics is logged by its name and
//! brings the process to a stop, because a process that has silently lost a part lies to its operator.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The stop signal, cloned into everything that lives long. The caller owns it.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    stop: CancellationToken,
}

impl Shutdown {
    /// A signal that has not been given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stage one: take no new work.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Stage two: leave now (implies stage one).
    pub fn stop(&self) {
        self.drain.cancel();
        self.stop.cancel();
    }

    /// Whether stage one has begun.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Whether stage two has begun.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Resolves when stage one begins.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Resolves when stage two begins.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// The token of stage two, for streams that end with it.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Sleeps, but not past the begin of stage two. `false` when it was cut short.
    pub async fn sleep(&self, duration: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }

    /// Resolves on SIGINT or SIGTERM.
    pub async fn signal() {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// The spawner of a process: every task has a name and is waited for.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    shutdown: Shutdown,
}

impl Tasks {
    /// A spawner whose tasks end with this signal.
    pub fn new(shutdown: Shutdown) -> Self {
        Self { tracker: TaskTracker::new(), shutdown }
    }

    /// The signal.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Runs a future as a task of its own. If it panics, that is logged with its name and the process stops.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let shutdown = self.shutdown.clone();
        self.tracker.spawn(async move {
            if let Err(error) = tokio::spawn(future).await
                && error.is_panic()
            {
                tracing::error!(task = name, "a task of this process panicked; stopping");
                shutdown.stop();
            }
        })
    }

    /// Waits until all tasks have ended, or until the time is over. `false` when some were still running.
    pub async fn finish(&self, within: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(within, self.tracker.wait()).await.is_ok()
    }
}

//! Two-stage stop and named, tracked tasks.
//!
//! Stage one, *drain*: take no new work. Stage two, *stop*: leave now.
//!
//! A panic ends the task in which it happens, is logged by the task's name, and is told to whoever listens. What has to live as
//! long as the process is begun again, or, where that can't be or does not help, the process stops and says why: a process that has
//! silently lost a part lies to its operator.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, OnceCell};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::panic::{Panicked, caught};
use crate::retry::Policy;

/// A loop that panics this often, with never [`LASTING`] between two, can't be helped by beginning it again.
const BEGUN_AGAIN: u32 = 5;
/// A loop that has run for so long counts as well again.
const LASTING: Duration = Duration::from_mins(5);

/// The stop signal, cloned into everything that lives long. The caller owns it.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    stop: CancellationToken,
    failure: Arc<OnceLock<String>>,
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

    /// Stage two, because the process can't go on; the first reason given is kept.
    pub fn fail(&self, reason: String) {
        tracing::error!(reason, "this process can't go on; it stops");
        drop(self.failure.set(reason));
        self.stop();
    }

    /// Why the process can't go on, if that is why it stops.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
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

    /// Resolves on SIGINT or SIGTERM, and on SIGHUP: the terminal was closed. That one does not count where whoever started this
    /// process has it ignored, as `nohup` does.
    ///
    /// One that comes while nobody waits for it is kept for whoever waits next: between two stages of a process none gets lost.
    pub async fn signal() {
        let closed = async {
            if is_to_outlive_its_terminal() {
                return std::future::pending().await;
            }
            heard(&HANGUP, SignalKind::hangup()).await;
        };
        tokio::select! {
            () = Self::second_signal() => {}
            () = closed => {}
        }
    }

    /// Resolves on SIGINT or SIGTERM: somebody who has said it before will not wait. A terminal that is closed says so several times
    /// by itself, through the shell and through the kernel.
    pub async fn second_signal() {
        tokio::select! {
            () = heard(&INTERRUPT, SignalKind::interrupt()) => {}
            () = heard(&TERMINATE, SignalKind::terminate()) => {}
        }
    }
}

/// What listens to a signal for as long as the process lives, once it was waited for.
type Listening = OnceCell<Mutex<Signal>>;

static HANGUP: Listening = OnceCell::const_new();
static INTERRUPT: Listening = OnceCell::const_new();
static TERMINATE: Listening = OnceCell::const_new();

/// Resolves when this signal comes, or came since somebody last waited for it.
async fn heard(listening: &'static Listening, kind: SignalKind) {
    match listening.get_or_try_init(|| async { signal(kind).map(Mutex::new) }).await {
        Ok(signal) => drop(signal.lock().await.recv().await),
        Err(_) => std::future::pending().await,
    }
}

/// Whether SIGHUP (1, the mask's lowest bit) is ignored. Linux says so; where nobody does, it is taken not to be.
fn is_to_outlive_its_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Hears of every panic in a task, with the task's name.
type Listener = Box<dyn Fn(&'static str, &Panicked) + Send + Sync>;

/// The spawner of a process: every task has a name and is waited for.
#[derive(Clone, Default)]
pub struct Spawner {
    tracker: TaskTracker,
    shutdown: Shutdown,
    listener: Arc<OnceLock<Listener>>,
}

impl fmt::Debug for Spawner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Spawner({} running)", self.tracker.len())
    }
}

impl Spawner {
    /// A spawner whose tasks end with this signal.
    pub fn new(shutdown: Shutdown) -> Self {
        Self { tracker: TaskTracker::new(), shutdown, listener: Arc::default() }
    }

    /// The signal.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Tells every panic to this; the first listener stays.
    pub fn on_panic(&self, listener: impl Fn(&'static str, &Panicked) + Send + Sync + 'static) {
        drop(self.listener.set(Box::new(listener)));
    }

    /// Runs one piece of work as a task of its own. If it panics, that is logged and told, and only this piece has ended.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        self.track(async move {
            if let Err(panic) = caught(future).await {
                tasks.tell(name, &panic);
            }
        })
    }

    /// Runs what has to live as long as the process: if it panics, it is begun again after a while that grows. If it panics again
    /// and again, the process stops with the reason.
    pub fn spawn_loop<M, F>(&self, name: &'static str, mut make: M) -> JoinHandle<()>
    where
        M: FnMut() -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        self.track(async move {
            let mut delays = Policy::RECONNECT.delays();
            let mut panics = 0;
            loop {
                let begun = Instant::now();
                let Err(panic) = caught(make()).await else { return };
                tasks.tell(name, &panic);
                if begun.elapsed() > LASTING {
                    delays.reset();
                    panics = 0;
                }
                panics += 1;
                if panics >= BEGUN_AGAIN {
                    return tasks.shutdown.fail(format!("`{name}` was begun {panics} times and ended each time: {panic}"));
                }
                if !tasks.shutdown.sleep(delays.next_delay().unwrap_or(Policy::RECONNECT.longest)).await {
                    return;
                }
            }
        })
    }

    /// Runs what has to live as long as the process and can't be begun again: if it panics, the process stops with the reason.
    pub fn spawn_vital<F>(&self, name: &'static str, future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        self.track(async move {
            if let Err(panic) = caught(future).await {
                tasks.tell(name, &panic);
                tasks.shutdown.fail(format!("`{name}`, which can't be begun again, is gone: {panic}"));
            }
        })
    }

    /// Waits until all tasks have ended, or until the time is over. `false` when some were still running.
    pub async fn finish(&self, within: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(within, self.tracker.wait()).await.is_ok()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    fn track(&self, future: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        tokio::spawn(self.tracker.track_future(future))
    }

    fn tell(&self, name: &'static str, panic: &Panicked) {
        tracing::error!(task = name, error = %panic, code = 5900, "a task of this process panicked");
        if let Some(listener) = self.listener.get() {
            listener(name, panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_signal_that_comes_between_two_waits_is_heard_by_the_next() {
        let soon = |limit| tokio::time::timeout(Duration::from_millis(limit), Shutdown::signal());
        assert!(soon(20).await.is_err(), "nobody has said anything");
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGTERM).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(soon(5_000).await.is_ok(), "the signal got lost");
        assert!(soon(20).await.is_err(), "it counts once");
    }

    #[tokio::test]
    async fn a_panic_ends_its_task_and_nothing_else_and_is_told() {
        let tasks = Spawner::new(Shutdown::new());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        tasks.on_panic(move |name, panic| ear.lock().unwrap().push((name, panic.message.clone())));
        tasks.spawn("round", async { panic!("one round") }).await.unwrap();
        assert!(!tasks.shutdown().is_stopping());
        assert_eq!(*heard.lock().unwrap(), [("round", "one round".to_owned())]);
    }

    #[tokio::test]
    async fn a_loop_that_panics_is_begun_again() {
        let tasks = Spawner::new(Shutdown::new());
        let begun = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&begun);
        let task = tasks.spawn_loop("loop", move || {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            async move { assert!(number >= 2, "not yet") }
        });
        task.await.unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), 3);
        assert!(!tasks.shutdown().is_stopping());
    }

    #[tokio::test]
    async fn a_loop_that_can_not_be_helped_and_what_can_not_be_begun_again_stop_the_process_with_the_reason() {
        let tasks = Spawner::new(Shutdown::new());
        tasks.spawn_loop("loop", || async { panic!("always") }).await.unwrap();
        let reason = "`loop` was begun 5 times and ended each time: a mistake of this program ended it: always";
        assert_eq!(tasks.shutdown().failure(), Some(reason));
        assert!(tasks.shutdown().is_stopping());

        let tasks = Spawner::new(Shutdown::new());
        tasks.spawn_vital("verdicts", async { panic!("gone") }).await.unwrap();
        assert!(tasks.shutdown().failure().is_some_and(|reason| reason.contains("`verdicts`") && reason.contains("gone")));
    }
}

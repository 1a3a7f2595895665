//! A private server with somebody beside it: when it ends by itself, it is started again; when it ends again and again, the process
//! stops and says why.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chiffon_nodes::{NodeError, PostgresNode, RabbitNode};
use chiffon_process::{Shutdown, Spawner, retry::Policy};
use tokio::sync::Mutex;

/// How often it is looked at: a server that is gone costs calls that wait for it.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// After so many ends in a row it is given up.
const GIVEN_UP_AFTER: u32 = 6;
/// A server that has run for so long is well again.
const WELL_AFTER: Duration = Duration::from_mins(5);

/// A server that can be watched.
pub trait Server: Send + 'static {
    /// What it is called.
    const NAME: &'static str;
    /// How it ended, if it did so by itself.
    fn ended(&mut self) -> Option<String>;
    /// Starts it again where it was.
    fn revive(&mut self) -> impl Future<Output = Result<(), NodeError>> + Send;
    /// Stops it in order.
    fn stop(self) -> impl Future<Output = ()> + Send;
    /// Its folder, in which its log is.
    fn folder(&self) -> PathBuf;
}

impl Server for PostgresNode {
    const NAME: &'static str = "private PostgreSQL";

    fn ended(&mut self) -> Option<String> {
        self.ended()
    }

    async fn revive(&mut self) -> Result<(), NodeError> {
        self.revive().await
    }

    async fn stop(self) {
        self.stop().await;
    }

    fn folder(&self) -> PathBuf {
        self.dir().to_owned()
    }
}

impl Server for RabbitNode {
    const NAME: &'static str = "private RabbitMQ";

    fn ended(&mut self) -> Option<String> {
        self.ended()
    }

    async fn revive(&mut self) -> Result<(), NodeError> {
        self.revive().await
    }

    async fn stop(self) {
        self.stop().await;
    }

    fn folder(&self) -> PathBuf {
        self.dir().to_owned()
    }
}

/// A watched server. Dropping it stops it once its watcher has gone.
#[derive(Debug)]
pub struct Supervised<S> {
    server: Arc<Mutex<Option<S>>>,
}

impl<S: Server> Supervised<S> {
    /// Watches a server that runs, until the stop signal.
    pub fn watch(server: S, tasks: &Spawner) -> Self {
        let server = Arc::new(Mutex::new(Some(server)));
        tasks.spawn_vital(S::NAME, watch(server.clone(), tasks.shutdown().clone()));
        Self { server }
    }

    /// Stops it in order. The stop signal has been given before, or it would be started again.
    pub async fn stop(self) {
        let server = self.server.lock().await.take();
        if let Some(server) = server {
            server.stop().await;
        }
    }
}

async fn watch<S: Server>(server: Arc<Mutex<Option<S>>>, shutdown: Shutdown) {
    let mut ends = 0;
    let mut running_since = Instant::now();
    let mut delays = Policy::RECONNECT.delays();
    while shutdown.sleep(LOOK_EVERY).await {
        let mut held = server.lock().await;
        let Some(server) = held.as_mut() else { return };
        let Some(mut why) = server.ended() else { continue };
        if running_since.elapsed() > WELL_AFTER {
            ends = 0;
            delays.reset();
        }
        // Started again until it runs; each vain try counts as one more end.
        loop {
            ends += 1;
            let folder = server.folder();
            if ends >= GIVEN_UP_AFTER {
                return shutdown.fail(format!(
                    "the {} ended {ends} times in a row, the last time: {why}; its log is in {}",
                    S::NAME,
                    folder.display()
                ));
            }
            tracing::warn!(why, folder = %folder.display(), "the {} ended by itself; it is started again", S::NAME);
            if !shutdown.sleep(delays.next_delay().unwrap_or(Policy::RECONNECT.longest)).await {
                return;
            }
            let revived = tokio::select! {
                revived = server.revive() => revived,
                () = shutdown.stopping() => return,
            };
            match revived {
                Ok(()) => break,
                Err(error) => why = error.to_string(),
            }
        }
        running_since = Instant::now();
        tracing::warn!("the {} runs again", S::NAME);
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use sqlx::Connection as _;

    use super::*;

    fn kill_server(folder: &std::path::Path) -> i32 {
        let pid_file = std::fs::read_to_string(folder.join("cluster/postmaster.pid")).expect("it runs");
        let pid = pid_file.lines().next().and_then(|line| line.trim().parse().ok()).expect("a pid");
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("killed");
        pid
    }

    async fn until(what: &str, look: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !look().await {
            assert!(Instant::now() < deadline, "never came: {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    #[tokio::test]
    async fn a_server_that_was_killed_runs_again_and_one_that_can_not_ends_the_process_with_the_reason() {
        let node = PostgresNode::start_temporary().await.expect("a server");
        let (folder, url) = (node.dir().to_owned(), node.url("postgres"));
        let tasks = Spawner::new(Shutdown::new());
        let supervised = Supervised::watch(node, &tasks);
        let answers = async || sqlx::PgConnection::connect(&url).await.is_ok();
        until("it answers", answers).await;
        let killed = kill_server(&folder);
        until("another answers", async || answers().await && pid_now(&folder) != Some(killed)).await;
        assert!(!tasks.shutdown().is_stopping());
        std::fs::write(folder.join("cluster/postgresql.conf"), "no_such_setting = on\n").expect("written");
        kill_server(&folder);
        until("it is given up", async || tasks.shutdown().is_stopping()).await;
        let reason = tasks.shutdown().failure().unwrap_or_default();
        assert!(reason.contains("private PostgreSQL ended 6 times") && reason.contains("no_such_setting"), "{reason}");
        supervised.stop().await;
    }

    fn pid_now(folder: &std::path::Path) -> Option<i32> {
        std::fs::read_to_string(folder.join("cluster/postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
    }
}

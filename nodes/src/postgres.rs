//! A private PostgreSQL cluster in a folder of its own.
//!
//! The folder holds `cluster/` (owned by the user that runs it), `postgres.log`, `password` and, with a port, `port`.
//! Everybody who reaches its socket is its superuser, so the socket stands in a folder nobody else enters;
//! over loopback the password is asked for.

mod cluster;
mod psql;

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use self::cluster::Cluster;
use crate::account::Account;
use crate::guard::{Guard, Orders};
use crate::{NodeError, find, folder, ports, secret, tree};

/// What errors call it.
pub(crate) const SERVER: &str = "PostgreSQL";
/// The superuser of a private cluster.
const USER: &str = "chiffon";
/// The port in the socket's name when there is no other.
const SOCKET_PORT: u16 = 5432;
const READY_WITHIN: Duration = Duration::from_secs(90);
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// Where a node is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// By its Unix socket alone.
    SocketOnly,
    /// By its socket, and on a port of 127.0.0.1 with a password.
    Loopback,
}

/// What survives a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Everything that was committed.
    Full,
    /// Nothing: for tests, where only a crash of the process has to be survived.
    Relaxed,
}

/// How a node is to be.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// The node's folder; made when it isn't there.
    pub data_dir: PathBuf,
    /// Where its socket stands; a short runtime folder when `None`. The folder must exist and be entered by the server's user.
    pub socket_dir: Option<PathBuf>,
    /// Where it is reached.
    pub listen: Listen,
    /// What survives a loss of power.
    pub durability: Durability,
    /// The most connections at a time.
    pub max_connections: u32,
}

/// A running cluster. Dropping it stops it.
#[derive(Debug)]
pub struct PostgresNode {
    // Dropped first: it stops the server while the folder is there.
    guard: Option<Guard>,
    server: Option<Child>,
    cluster: Cluster,
    temporary: Option<tempfile::TempDir>,
}

impl PostgresNode {
    /// Makes the cluster if there is none, starts it and waits until it answers.
    ///
    /// What a killed predecessor has left running in the folder is stopped first.
    pub async fn start(options: PostgresOptions) -> Result<Self, NodeError> {
        Self::start_in(options, None).await
    }

    /// A cluster that is removed when it stops, reached over loopback, with [`Durability::Relaxed`].
    pub async fn start_temporary() -> Result<Self, NodeError> {
        let temporary = temporary_folder("chiffon-postgres-")?;
        let options = PostgresOptions {
            data_dir: temporary.path().join("postgres"),
            socket_dir: None,
            listen: Listen::Loopback,
            durability: Durability::Relaxed,
            max_connections: 400,
        };
        Self::start_in(options, Some(temporary)).await
    }

    async fn start_in(options: PostgresOptions, temporary: Option<tempfile::TempDir>) -> Result<Self, NodeError> {
        find::postgres(None)?;
        let account = Account::for_server(SERVER, "postgres")?;
        let dir = folder::prepare(&options.data_dir, account.as_ref())?;
        let orders = orders(&dir, &options, temporary.as_ref().map(tempfile::TempDir::path));
        Guard::clear(&Orders { remove: Vec::new(), ..orders.clone() }).await?;
        let password = secret::password(&dir.join("password"))?;
        let socket_dir = match &options.socket_dir {
            Some(chosen) => chosen.clone(),
            None => folder::runtime(&dir, account.as_ref())?,
        };
        let port = port(&dir, options.listen)?;
        let cluster = Cluster { dir, socket_dir, port, password, account, options };
        cluster.check_socket_path()?;
        let guard = Guard::post(&orders)?;
        let mut node = Self { guard: Some(guard), server: None, cluster, temporary };
        node.cluster.make_if_missing().await?;
        while let Err(failed) = node.start_server().await {
            node.kill().await;
            if node.port().is_none_or(|port| ports::is_free(port, 1)) {
                return Err(failed);
            }
            // Another program took the port between the look at it and the server's own attempt.
            node.cluster.port = self::port(&node.cluster.dir, node.cluster.options.listen)?;
        }
        Ok(node)
    }

    /// How clients reach a database of this node, as sqlx and libpq read it.
    pub fn url(&self, database: &str) -> String {
        self.cluster.url(database)
    }

    /// The port on loopback, where it listens on one.
    pub fn port(&self) -> Option<u16> {
        (self.cluster.options.listen == Listen::Loopback).then_some(self.cluster.port)
    }

    /// The folder of the node.
    pub fn dir(&self) -> &Path {
        &self.cluster.dir
    }

    /// Makes a database unless it is there.
    pub async fn create_database(&self, name: &str) -> Result<(), NodeError> {
        psql::create_database(&self.cluster, name).await
    }

    /// Kills every process of the node at once (`kill -9`), and waits until they are gone.
    pub async fn kill(&mut self) {
        let pids = self.processes();
        tree::signal(&pids, Signal::SIGKILL);
        tree::gone(&pids, STOP_WITHIN).await;
        self.reap();
    }

    /// Freezes every process of the node: it holds its connections and answers nothing.
    pub fn pause(&self) {
        tree::signal(&self.processes(), Signal::SIGSTOP);
    }

    /// Undoes [`PostgresNode::pause`].
    pub fn resume(&self) {
        tree::signal(&self.processes(), Signal::SIGCONT);
    }

    /// Stops it in order if it runs, and starts it again where it was.
    pub async fn restart(&mut self) -> Result<(), NodeError> {
        let pids = self.processes();
        self.resume();
        if let Some(server) = &self.server {
            tree::signal(&[pid(server)], Signal::SIGINT);
        }
        if !tree::gone(&pids, STOP_WITHIN).await {
            self.kill().await;
        }
        self.reap();
        if self.cluster.options.listen == Listen::Loopback && !ports::is_free(self.cluster.port, 1) {
            return Err(NodeError::PortBusy { server: SERVER, port: self.cluster.port });
        }
        self.start_server().await
    }

    /// How the server ended, if it did so by itself.
    pub fn ended(&mut self) -> Option<String> {
        let server = self.server.as_mut()?;
        let status = server.try_wait().ok()??;
        // Its pid may be somebody else's from now on.
        self.server = None;
        Some(format!("it ended ({status})"))
    }

    /// Starts a server that has ended by itself again, where it was. What it has left running is killed.
    pub async fn revive(&mut self) -> Result<(), NodeError> {
        drop(self.ended());
        self.kill().await;
        self.start_server().await
    }

    /// Stops it in order and waits until nothing of it runs.
    pub async fn stop(mut self) {
        if let Some(guard) = self.guard.take() {
            guard.release().await;
        }
    }

    fn processes(&self) -> Vec<nix::unistd::Pid> {
        let mut roots = tree::marked(tree::MARKER, &self.cluster.dir);
        let main = self.server.as_ref().map(pid).filter(|pid| tree::is_alive(*pid) && !roots.contains(pid));
        roots.extend(main);
        tree::with_descendants(roots)
    }

    fn reap(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.wait().ok();
        }
    }

    async fn start_server(&mut self) -> Result<(), NodeError> {
        let server = self.server.insert(self.cluster.spawn()?);
        let deadline = Instant::now() + READY_WITHIN;
        let log = self.cluster.log();
        while !self.cluster.is_ready(server.id()) {
            let ended = server.try_wait().map_err(NodeError::folder(&log))?;
            if let Some(status) = ended {
                return Err(NodeError::did_not_start(SERVER, format!("it ended ({status})"), &log));
            }
            if Instant::now() > deadline {
                return Err(NodeError::did_not_start(SERVER, format!("it was not ready within {} s", READY_WITHIN.as_secs()), &log));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

impl Drop for PostgresNode {
    fn drop(&mut self) {
        drop(self.guard.take());
        self.reap();
        drop(self.temporary.take());
    }
}

/// A folder that goes away, where the server's user can reach it.
pub(crate) fn temporary_folder(prefix: &str) -> Result<tempfile::TempDir, NodeError> {
    use std::os::unix::fs::PermissionsExt as _;
    let base = std::env::temp_dir();
    let made = tempfile::Builder::new().prefix(prefix).permissions(std::fs::Permissions::from_mode(0o711)).tempdir_in(&base);
    made.map_err(NodeError::folder(&base))
}

pub(crate) fn pid(child: &Child) -> nix::unistd::Pid {
    nix::unistd::Pid::from_raw(child.id().cast_signed())
}

fn orders(dir: &Path, options: &PostgresOptions, temporary: Option<&Path>) -> Orders {
    let mut remove: Vec<PathBuf> = temporary.map(Path::to_owned).into_iter().collect();
    if options.socket_dir.is_none() {
        remove.push(folder::runtime_path(dir));
    }
    Orders {
        dir: dir.to_owned(),
        pid_file: dir.join("cluster/postmaster.pid"),
        // Immediate, or fast with a checkpoint: https://www.postgresql.org/docs/15/server-shutdown.html
        signal: if temporary.is_some() { Signal::SIGQUIT } else { Signal::SIGINT },
        grace_seconds: 20,
        remove,
    }
}

/// The port that clients have seen before, while it is free.
fn port(dir: &Path, listen: Listen) -> Result<u16, NodeError> {
    if listen == Listen::SocketOnly {
        return Ok(SOCKET_PORT);
    }
    let path = dir.join("port");
    if let Some(port) = folder::read_number(&path).filter(|port| ports::is_free(*port, 1)) {
        return Ok(port);
    }
    let port = ports::free_range(1)?;
    folder::write_private(&path, &port.to_string())?;
    Ok(port)
}

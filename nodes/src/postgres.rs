//! A private PostgreSQL cluster.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sha2::{Digest as _, Sha256};
use tokio::process::Child;

use crate::account::Account;
use crate::{NodeError, find, ports, process};

const ROLE: &str = "chiffon";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Where a cluster listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// On its socket only.
    SocketOnly,
    /// On a free loopback port, too.
    Loopback,
}

/// What a cluster promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A commit survives a power cut.
    Full,
    /// It survives nothing: for tests.
    Relaxed,
}

/// How a cluster is made.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Its folder.
    pub data_dir: PathBuf,
    /// The folder of its socket; `None` chooses a short one, because a socket's path is limited to 107 bytes.
    pub socket_dir: Option<PathBuf>,
    /// Where it listens.
    pub listen: Listen,
    /// What it promises.
    pub durability: Durability,
    /// The most connections.
    pub max_connections: u16,
}

/// A running cluster.
#[derive(Debug)]
pub struct PostgresNode {
    options: PostgresOptions,
    account: Account,
    binaries: PathBuf,
    socket_dir: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl PostgresNode {
    /// Makes the cluster if there is none, starts it, and waits until it is ready.
    pub async fn start(options: PostgresOptions) -> Result<Self, NodeError> {
        let binaries = find::postgres_binaries()?;
        let account = Account::for_postgres()?;
        std::fs::create_dir_all(&options.data_dir).map_err(|source| NodeError::io(&options.data_dir, source))?;
        account.check_way(&options.data_dir)?;
        account.own_folder(&options.data_dir)?;
        let socket_dir = options.socket_dir.clone().unwrap_or_else(|| short_socket_dir(&options.data_dir));
        account.own_folder(&socket_dir)?;
        let mut node = Self { options, account, binaries, socket_dir, port: 0, child: None };
        if !node.cluster().join("PG_VERSION").exists() {
            node.init().await?;
        }
        node.stop_orphan();
        node.launch().await?;
        Ok(node)
    }

    /// The address of a database: by socket, or by port when it listens on one.
    pub fn url(&self, database: &str) -> String {
        match self.options.listen {
            Listen::Loopback => format!("postgres://{ROLE}@127.0.0.1:{}/{database}", self.port),
            Listen::SocketOnly => {
                let folder = self.socket_dir.to_string_lossy().replace('%', "%25").replace('/', "%2F");
                format!("postgres://{ROLE}@{folder}:{}/{database}", self.port)
            }
        }
    }

    /// Makes a database unless it is there.
    pub async fn create_database(&self, name: &str) -> Result<(), NodeError> {
        let exists = self.psql("postgres", &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'")).await?;
        if exists.trim().is_empty() {
            self.psql("postgres", &format!("CREATE DATABASE \"{name}\"")).await?;
        }
        Ok(())
    }

    /// Runs one statement by `psql`; what it printed.
    pub async fn psql(&self, database: &str, sql: &str) -> Result<String, NodeError> {
        let mut command = self.account.command(&self.binaries.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", ROLE, "-d", database, "-p", &self.port.to_string()]);
        command.arg("-h").arg(&self.socket_dir).args(["-c", sql]).current_dir("/");
        run("psql", command).await
    }

    /// The server's process id.
    pub fn pid(&self) -> Option<i32> {
        pid_in(&self.cluster())
    }

    /// `kill -9` of the server and all its children.
    pub fn kill(&mut self) {
        if let Some(pid) = self.pid() {
            process::signal_tree(pid, Signal::SIGKILL);
            process::wait_gone(pid, Duration::from_secs(10));
        }
        self.child = None;
    }

    /// Stops time for the server.
    pub fn pause(&self) {
        if let Some(pid) = self.pid() {
            process::signal_tree(pid, Signal::SIGSTOP);
        }
    }

    /// Lets it go on.
    pub fn resume(&self) {
        if let Some(pid) = self.pid() {
            process::signal_tree(pid, Signal::SIGCONT);
        }
    }

    /// Starts it again after a kill, on the same port.
    pub async fn restart(&mut self) -> Result<(), NodeError> {
        self.kill();
        self.launch().await
    }

    /// Stops it: fast, every transaction rolled back.
    pub async fn stop(mut self) -> Result<(), NodeError> {
        self.shut_down();
        Ok(())
    }

    fn shut_down(&mut self) {
        if let Some(pid) = self.pid()
            && self.child.is_some()
        {
            process::signal_tree(pid, Signal::SIGCONT);
            // SIGINT is PostgreSQL's fast shutdown: https://www.postgresql.org/docs/15/server-shutdown.html
            kill(Pid::from_raw(pid), Signal::SIGINT).ok();
            if !process::wait_gone(pid, Duration::from_secs(20)) {
                process::signal_tree(pid, Signal::SIGKILL);
            }
        }
        self.child = None;
        if self.options.socket_dir.is_none() {
            std::fs::remove_dir_all(&self.socket_dir).ok();
        }
    }

    fn cluster(&self) -> PathBuf {
        self.options.data_dir.join("cluster")
    }

    fn log(&self) -> PathBuf {
        self.options.data_dir.join("postgres.log")
    }

    async fn init(&self) -> Result<(), NodeError> {
        // A half-made cluster of an interrupted start is made again.
        let draft = self.options.data_dir.join("cluster.new");
        std::fs::remove_dir_all(&draft).ok();
        let mut command = self.account.command(&self.binaries.join("initdb"));
        command.arg("-D").arg(&draft).args(["-U", ROLE, "--auth=peer", "-E", "UTF8", "--locale=C.UTF-8"]).current_dir("/");
        if self.options.durability == Durability::Relaxed {
            command.arg("--no-sync");
        }
        run("initdb", command).await?;
        // Over the socket everybody who may enter its folder (mode 0700) is the owner; over loopback only test clusters listen.
        std::fs::write(draft.join("pg_hba.conf"), "local all all trust\nhost all all 127.0.0.1/32 trust\n")
            .map_err(|source| NodeError::io(draft.join("pg_hba.conf"), source))?;
        std::fs::rename(&draft, self.cluster()).map_err(|source| NodeError::io(self.cluster(), source))
    }

    /// Stops a server that a killed predecessor left behind.
    fn stop_orphan(&self) {
        let Some(pid) = self.pid() else { return };
        let cluster = self.cluster();
        if process::is_alive(pid) && process::mentions(pid, &cluster.to_string_lossy()) {
            process::signal_tree(pid, Signal::SIGCONT);
            kill(Pid::from_raw(pid), Signal::SIGINT).ok();
            if !process::wait_gone(pid, Duration::from_secs(20)) {
                process::signal_tree(pid, Signal::SIGKILL);
                process::wait_gone(pid, Duration::from_secs(5));
            }
        }
        // The file of a process that is gone; PostgreSQL would believe it if the number were taken by another.
        std::fs::remove_file(cluster.join("postmaster.pid")).ok();
    }

    async fn launch(&mut self) -> Result<(), NodeError> {
        if self.port == 0 {
            self.port = ports::free_range(1);
        }
        let address = if self.options.listen == Listen::Loopback { "127.0.0.1" } else { "" };
        let mut settings = vec![
            format!("listen_addresses={address}"),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", self.socket_dir.display()),
            format!("max_connections={}", self.options.max_connections),
        ];
        if self.options.durability == Durability::Relaxed {
            settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
        }
        let log = std::fs::File::options().create(true).append(true).open(self.log()).map_err(|source| NodeError::io(self.log(), source))?;
        let errors = log.try_clone().map_err(|source| NodeError::io(self.log(), source))?;
        let mut command = self.account.command(Path::new("setpriv"));
        // The kernel stops it (a fast shutdown) when we are killed.
        command.args(["--pdeathsig", "INT", "--"]).arg(self.binaries.join("postgres")).arg("-D").arg(self.cluster());
        for setting in settings {
            command.args(["-c", &setting]);
        }
        command.current_dir("/").stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
        let child = command.spawn().map_err(|source| NodeError::io("setpriv", source))?;
        self.child = Some(child);
        self.wait_until_ready().await
    }

    async fn wait_until_ready(&mut self) -> Result<(), NodeError> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let socket = self.socket_dir.join(format!(".s.PGSQL.{}", self.port));
            if socket.exists() && self.psql("postgres", "SELECT 1").await.is_ok() {
                return Ok(());
            }
            let ended = self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(Some(_))));
            if ended || Instant::now() > deadline {
                return Err(NodeError::NotReady { what: "PostgreSQL", seconds: READY_WITHIN.as_secs(), tail: tail(&self.log()), log: self.log() });
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

impl Drop for PostgresNode {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// `/run/chiffon-<hash>` as root, else under `$XDG_RUNTIME_DIR` or `/tmp`: short, and the same for the same cluster.
fn short_socket_dir(data_dir: &Path) -> PathBuf {
    let digest = Sha256::digest(data_dir.as_os_str().as_encoded_bytes());
    let name = format!("chiffon-{:02x}{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3], digest[4]);
    let run = Path::new("/run");
    if nix::unistd::geteuid().is_root() && run.is_dir() {
        return run.join(name);
    }
    let runtime = PathBuf::from(format!("/run/user/{}", nix::unistd::geteuid()));
    if runtime.is_dir() { runtime.join(name) } else { Path::new("/tmp").join(name) }
}

fn pid_in(cluster: &Path) -> Option<i32> {
    std::fs::read_to_string(cluster.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}

async fn run(name: &str, mut command: tokio::process::Command) -> Result<String, NodeError> {
    let output = command.stdin(Stdio::null()).output().await.map_err(|source| NodeError::io("setpriv", source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(NodeError::Command { command: name.to_owned(), output: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

/// The last lines of a log.
pub fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}

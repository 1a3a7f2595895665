//! The cluster on disk and the command that serves it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Durability, Listen, PostgresOptions, SERVER, USER};
use crate::account::Account;
use crate::secret::Password;
use crate::tree::MARKER;
use crate::{NodeError, find, folder};

/// sun_path of unix(7) holds 108 bytes, the last of them zero.
const LONGEST_SOCKET_PATH: usize = 107;

/// What belongs to a cluster whether it runs or not.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) dir: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) port: u16,
    pub(super) password: Password,
    pub(super) account: Option<Account>,
    pub(super) options: PostgresOptions,
}

impl Cluster {
    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("cluster")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }

    pub(super) fn check_socket_path(&self) -> Result<(), NodeError> {
        let path = self.socket_dir.join(format!(".s.PGSQL.{}", self.port));
        if path.as_os_str().len() > LONGEST_SOCKET_PATH {
            return Err(NodeError::SocketPathTooLong { path });
        }
        Ok(())
    }

    pub(super) fn url(&self, database: &str) -> String {
        match self.options.listen {
            Listen::SocketOnly => {
                let host = percent_encoded(&self.socket_dir.to_string_lossy());
                format!("postgres:///{database}?host={host}&user={USER}&port={}", self.port)
            }
            Listen::Loopback => format!("postgres://{USER}:{}@127.0.0.1:{}/{database}", self.password.reveal(), self.port),
        }
    }

    /// The folder of the programs that fit the cluster: of the version that made it.
    pub(super) fn programs(&self) -> Result<PathBuf, NodeError> {
        let version = fs::read_to_string(self.data().join("PG_VERSION")).ok();
        find::postgres(version.and_then(|text| text.trim().parse().ok()))
    }

    /// Runs initdb beside the final place and moves the result there, so that a cluster is whole or not there.
    pub(super) async fn make_if_missing(&self) -> Result<(), NodeError> {
        let data = self.data();
        if data.join("PG_VERSION").is_file() {
            return Ok(());
        }
        let unfinished = self.dir.join("cluster.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(NodeError::folder(&unfinished))?;
        }
        folder::private(&unfinished, self.account.as_ref())?;
        let password_file = self.dir.join("password.initdb");
        folder::write_private(&password_file, self.password.reveal())?;
        if let Some(account) = &self.account {
            account.own(&password_file)?;
        }
        let program = self.programs()?.join("initdb");
        let mut command = self.command(&program);
        command.arg("--pgdata").arg(&unfinished).arg("--pwfile").arg(&password_file);
        command.args(["--username", USER, "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]);
        if self.options.durability == Durability::Relaxed {
            command.arg("--no-sync");
        }
        let output = tokio::process::Command::from(command).output().await;
        fs::remove_file(&password_file).map_err(NodeError::folder(&password_file))?;
        let output = output.map_err(NodeError::folder(&program))?;
        if !output.status.success() {
            return Err(NodeError::Command {
                program: program.display().to_string(),
                what: format!("make a cluster in {}", self.dir.display()),
                output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        fs::rename(&unfinished, &data).map_err(NodeError::folder(&data))
    }

    /// Starts the server. Nothing of the cluster may be running.
    pub(super) fn spawn(&self) -> Result<Child, NodeError> {
        let log = self.log();
        // A pid file whose process is gone may name a pid that the kernel has given to somebody else since;
        // the server would refuse to start. The marker has shown that nobody serves this cluster.
        let stale = self.data().join("postmaster.pid");
        if stale.exists() && !self.is_served_by_a_stranger(&stale) {
            fs::remove_file(&stale).map_err(NodeError::folder(&stale))?;
        }
        if log.exists() {
            fs::rename(&log, self.dir.join("postgres.log.previous")).map_err(NodeError::folder(&log))?;
        }
        let errors = File::create(&log).map_err(NodeError::folder(&log))?;
        let mut command = self.command(&self.programs()?.join("postgres"));
        command.arg("-D").arg(self.data());
        for setting in self.settings() {
            command.arg("-c").arg(setting);
        }
        command.stderr(errors);
        command.spawn().map_err(|source| NodeError::did_not_start(SERVER, source.to_string(), &log))
    }

    /// Whether the server has written that it is ready: line 8 of its pid file, as `pg_ctl -w` reads it.
    pub(super) fn is_ready(&self, pid: u32) -> bool {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines();
        lines.next().is_some_and(|line| line.trim() == pid.to_string()) && lines.nth(6).is_some_and(|line| line.trim() == "ready")
    }

    fn is_served_by_a_stranger(&self, pid_file: &Path) -> bool {
        let text = fs::read_to_string(pid_file).unwrap_or_default();
        let Some(pid) = text.lines().next().and_then(|line| line.trim().parse::<u32>().ok()) else { return false };
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == self.data())
    }

    fn settings(&self) -> Vec<String> {
        let listen = if self.options.listen == Listen::Loopback { "127.0.0.1" } else { "" };
        let mut settings = vec![
            format!("listen_addresses={listen}"),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", quoted(&self.socket_dir)),
            format!("max_connections={}", self.options.max_connections),
            "logging_collector=off".to_owned(),
            "log_destination=stderr".to_owned(),
            "timezone=UTC".to_owned(),
            "log_timezone=UTC".to_owned(),
            "cluster_name=chiffon".to_owned(),
        ];
        if self.options.durability == Durability::Relaxed {
            let relaxed = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
            settings.extend(relaxed.map(str::to_owned));
        }
        settings
    }

    /// A server's program, run by the right user in an environment that holds nothing of ours but the marker.
    fn command(&self, program: &Path) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env(MARKER, &self.dir)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0);
        if let Some(account) = &self.account {
            account.run(&mut command);
        }
        command
    }
}

/// One directory of a list that separates by commas: https://www.postgresql.org/docs/15/runtime-config-connection.html
fn quoted(dir: &Path) -> String {
    format!("\"{}\"", dir.to_string_lossy().replace('"', "\"\""))
}

/// For a value of a URL's query.
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes everything");
        }
        encoded
    })
}

//! A data directory with what runs in it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::api::Api;
use crate::process::{Finished, Running, binary};

/// A data directory of its own, with the verbs of the binary bound to it.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// An empty one, which an unprivileged database account can reach.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("chiffon-e2e-").expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        Self { folder }
    }

    /// The folder around the data directory: for inventories, actions, logs.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The source tree's actions.
    pub fn catalogue() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../playbooks").canonicalize().expect("the source tree has actions")
    }

    /// A command of the binary, bound to this data directory and to no configuration of the machine.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(args)
            .current_dir(self.path())
            .env("CHIFFON_DATA_DIR", self.data_dir())
            .env_remove("CHIFFON_URL")
            .env_remove("CHIFFON_TOKEN")
            .env_remove("DATABASE_URL")
            .env_remove("AMQP_URL")
            .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
            .env_remove("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
            .env("NO_COLOR", "1");
        command
    }

    /// Runs a verb to its end.
    pub fn run(&self, args: &[&str]) -> Finished {
        self.command(args).output().expect("the binary starts").into()
    }

    /// Runs a verb that must succeed; what it printed.
    pub fn succeed(&self, args: &[&str]) -> String {
        self.run(args).expect_code(0).stdout
    }

    /// `chiffon up` with the source tree's actions and these further flags, once it is ready.
    pub fn up(&self, flags: &[&str]) -> Running {
        let mut command = self.command(&["up", "--listen", "127.0.0.1:0", "--playbooks"]);
        self.start(command.arg(Self::catalogue()).args(flags))
    }

    /// The command of a `chiffon up` with these actions and hosts.
    pub fn up_at(&self, playbooks: &Path, inventory: &Path) -> Command {
        let mut command = self.command(&["up", "--listen", "127.0.0.1:0", "--playbooks"]);
        command.arg(playbooks).arg("--inventory").arg(inventory);
        command
    }

    /// Starts a `chiffon up`, and waits until it is ready. One that was killed may have left where it listened.
    pub fn start(&self, up: &mut Command) -> Running {
        self.ready(|| Running::start(up, &self.path().join("up.log")))
    }

    /// Waits until the `chiffon up` is ready that is started so.
    pub fn ready(&self, start: impl FnOnce() -> Running) -> Running {
        let written = || fs::metadata(self.data_dir().join("url")).and_then(|file| file.modified()).ok();
        let left = written();
        let mut running = start();
        let deadline = Instant::now() + Duration::from_mins(2);
        while written().is_none_or(|now| Some(now) == left) {
            assert!(running.ended().is_none(), "`chiffon up` ended; it said:\n{}", running.said());
            assert!(Instant::now() < deadline, "`chiffon up` is not ready after two minutes; it said:\n{}", running.said());
            std::thread::park_timeout(Duration::from_millis(50));
        }
        running
    }

    /// The API of the running `chiffon up`, as its administrator.
    pub fn api(&self) -> Api {
        let read = |name: &str| fs::read_to_string(self.data_dir().join(name)).expect("`chiffon up` has written it").trim().to_owned();
        Api::new(&read("url"), Some(&read("admin.token")))
    }

    /// What git says about the audit repository.
    pub fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git").arg("-C").arg(self.data_dir().join("audit.git")).args(args).output().expect("git runs");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Processes whose command line or working directory names this folder.
    pub fn leftovers(&self) -> Vec<String> {
        let needle = self.path().to_string_lossy().into_owned();
        let own = std::process::id().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_string_lossy().into_owned();
            if pid == own || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            let folder = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            if command.contains(&needle) || folder.starts_with(&needle) {
                found.push(format!("{pid}: {command}"));
            }
        }
        found
    }

    /// Fails when something is still running a moment after all was stopped.
    ///
    /// # Panics
    /// Then, naming it.
    pub fn assert_nothing_left(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let left = self.leftovers();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "left running: {left:#?}");
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

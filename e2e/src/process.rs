//! Processes of the binary under test: started, spoken to, killed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// The built binary: it stands beside the running program, or beside the folder of a test's own binary.
///
/// # Panics
/// When it was not built: `cargo build --bin chiffon`, or `make test`, builds it.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join("chiffon")).find(|binary| binary.is_file());
    found.unwrap_or_else(|| panic!("`chiffon` is not built beside {}; run `cargo build --bin chiffon` or `make test`", own.display()))
}

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Finished {
    /// Itself, if the exit code is this one.
    ///
    /// # Panics
    /// When it is another.
    #[must_use]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A process that runs on. Its standard error goes to a file.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a command; its words go to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).expect("the log can be written");
        command.stdin(Stdio::null());
        Self::start_on(command, &file, log)
    }

    /// Starts a command that speaks to this file, wherever it reads from.
    pub fn start_on(command: &mut Command, out: &File, log: &Path) -> Self {
        let end = || out.try_clone().expect("a file can be shared");
        let child = command.stdout(end()).stderr(end()).spawn().expect("the binary starts");
        Self { child, log: log.to_owned() }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines that it has said.
    pub fn last_words(&self, lines: usize) -> String {
        let said = self.said();
        let all: Vec<&str> = said.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// The exit code, once it has ended.
    pub fn ended(&mut self) -> Option<Option<i32>> {
        self.child.try_wait().expect("it can be waited for").map(|status| status.code())
    }

    /// Sends a signal; after a `SIGSTOP` it stands still.
    pub fn signal(&self, signal: Signal) {
        chiffon_nodes::signal(&[Pid::from_raw(i32::try_from(self.pid()).expect("a pid"))], signal);
    }

    /// Kills it at once (`kill -9`), and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Asks it to stop and waits; kills it when it does not within the time, and says so.
    pub fn stop(&mut self, within: Duration) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if let Some(code) = self.ended() {
                return code;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let said = self.said();
        self.kill();
        panic!("it did not stop within {within:?}; it said:\n{said}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.signal(Signal::SIGTERM);
            let deadline = Instant::now() + Duration::from_secs(30);
            while self.ended().is_none() && Instant::now() < deadline {
                std::thread::park_timeout(Duration::from_millis(20));
            }
            self.kill();
        }
    }
}

//! A terminal of the kernel's own kind (a pseudoterminal) with the binary at its other end.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};

/// A command that reaches this server and no configuration of the machine.
pub fn command(url: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chiffon"));
    command.args(args).env_clear().env("CHIFFON_URL", url).env("CHIFFON_TOKEN", "a-token").env("CHIFFON_DATA_DIR", "/nonexistent/chiffon");
    command.stdin(Stdio::null());
    command
}

/// The binary at a terminal.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Starts a verb at a terminal of 100 columns.
    pub fn start(url: &str, args: &[&str], term: &str) -> Self {
        let size = Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).expect("a terminal");
        let end = || Stdio::from(pty.slave.try_clone().expect("its other end"));
        let child = command(url, args).env("TERM", term).stdin(end()).stdout(end()).stderr(end()).spawn().expect("the binary starts");
        drop(pty.slave);
        let keyboard = File::from(pty.master);
        let mut reader = keyboard.try_clone().expect("the terminal");
        let screen = Arc::new(Mutex::new(Vec::new()));
        let shown = screen.clone();
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A terminal whose other end is closed is an error, not an end.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                shown.lock().expect("only appended to").extend(&buffer[..count]);
            }
        });
        Self { child, keyboard, screen, reader }
    }

    /// Types keys.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("typed");
    }

    /// What stands on the screen, everything that ever did included.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().expect("only appended to")).into_owned()
    }

    /// The process.
    pub fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(self.child.id().cast_signed())
    }

    /// Waits until the screen shows this.
    pub fn until(&self, words: &str) {
        until(words, || self.screen().contains(words).then_some(()).ok_or_else(|| self.screen()));
    }

    /// Waits until the screen has shown this so often.
    pub fn until_again(&self, words: &str, times: usize) {
        until(words, || (self.screen().matches(words).count() >= times).then_some(()).ok_or_else(|| self.screen()));
    }

    /// Waits for the end; the exit code and the screen.
    pub fn end(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status.code();
            }
            assert!(Instant::now() < deadline, "it has not ended; its screen:\n{}", self.screen());
            std::thread::park_timeout(Duration::from_millis(10));
        };
        // What it wrote last may still be on its way to the screen.
        while !self.reader.is_finished() {
            assert!(Instant::now() < deadline, "the terminal does not end; its screen:\n{}", self.screen());
            std::thread::park_timeout(Duration::from_millis(10));
        }
        (code, self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits until something is so; fails with how it was last.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match look() {
            Ok(found) => return found,
            Err(last) => assert!(Instant::now() < deadline, "never came: {what}; the last was:\n{last}"),
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

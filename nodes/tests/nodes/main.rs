//! Real nodes: started, spoken to, killed, orphaned and stopped. One binary, one module per server.

mod postgres;
mod rabbitmq;
mod run;

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The processes that belong to the node in this folder or guard it.
fn processes_of(dir: &Path) -> Vec<String> {
    let marks = [format!("CHIFFON_NODE={}", dir.display()), format!("CHIFFON_GUARD={}", dir.display())];
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let mut entries = environment.split(|byte| *byte == 0);
        if entries.any(|entry| marks.iter().any(|mark| entry == mark.as_bytes())) {
            let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            found.push(format!("{} {}", entry.file_name().to_string_lossy(), name.trim()));
        }
    }
    found
}

/// Polls until the condition holds; fails with the last state when it does not in time.
async fn until<T: std::fmt::Debug>(what: &str, mut look: impl FnMut() -> T, good: impl Fn(&T) -> bool) -> T {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let seen = look();
        if good(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what}: {seen:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Takes the port that a node in this folder has chosen, before its server does.
async fn squatter_in_mid_start(dir: &Path) -> TcpListener {
    let chosen = || std::fs::read_to_string(dir.join("port")).ok().and_then(|text| text.trim().parse::<u16>().ok());
    let port = until("a port is chosen", chosen, Option::is_some).await.expect("it is");
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("nobody has it yet")
}

/// One statement through the client that people use.
fn query(url: &str, statement: &str) -> Result<String, String> {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--command", statement, url])
        .env("PGCONNECT_TIMEOUT", "10")
        .stdin(Stdio::null())
        .output()
        .expect("psql is installed (`make setup`)");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// This test binary again, as a process that owns nodes and can be killed. It runs one ignored test and says its folder and URL.
fn owner(test: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().expect("a running test has a path"))
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("NODE_DIR", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts")
}

fn kill_owner(owner: &mut Child) {
    kill(Pid::from_raw(owner.id().cast_signed()), Signal::SIGKILL).expect("it runs");
    owner.wait().expect("it has ended");
}

#[expect(clippy::disallowed_methods, reason = "the test that plays the owner is told its folder by the test that kills it")]
fn owners_dir() -> std::path::PathBuf {
    std::env::var("NODE_DIR").expect("set by `owner`").into()
}

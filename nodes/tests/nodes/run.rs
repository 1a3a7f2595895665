//! `chiffon-nodes run`: nodes for as long as a command runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{processes_of, query, until};

fn nodes() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chiffon-nodes"));
    command.stdin(Stdio::null());
    command
}

#[test]
fn the_command_finds_its_nodes_and_its_exit_code_is_passed_on() {
    let script = r#"set -e
        psql --no-psqlrc -Atqc "SELECT 40 + 2" "$CHIFFON_TEST_DATABASE_URL"
        echo "$CHIFFON_TEST_AMQP_URL"
        echo "$CHIFFON_TEST_AMQP_MANAGEMENT_URL"
        echo "no root: none" >>"$CHIFFON_TEST_NOT_RUN"
        exit 7"#;
    let output = nodes().args(["run", "--", "sh", "-c", script]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{said}");
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "42");
    assert!(lines[1].starts_with("amqp://chiffon:") && lines[1].ends_with("/%2f"), "{}", lines[1]);
    assert!(lines[2].starts_with("http://chiffon:"), "{}", lines[2]);
    assert!(said.contains("not run on this machine:\n  no root: none\n"), "{said}");
    assert!(said.ends_with("nodes: stopped and removed\n"), "{said}");
}

#[tokio::test]
async fn nodes_of_a_killed_run_stop_by_themselves() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = folder.path().join("url");
    let script = format!(r#"echo "$CHIFFON_TEST_DATABASE_URL" >{0}.new && mv {0}.new {0} && sleep 300"#, told.display());
    let mut run = nodes().args(["run", "sh", "-c", &script]).stderr(Stdio::null()).spawn().expect("it runs");
    let url = until("the command runs", || std::fs::read_to_string(&told).unwrap_or_default(), |url| !url.is_empty()).await;
    let url = url.trim();
    let dir = PathBuf::from(query(url, "SHOW data_directory").expect("it answers"));
    let dir = dir.parent().expect("the node's folder");
    assert_ne!(processes_of(dir), Vec::<String>::new());
    kill(Pid::from_raw(run.id().cast_signed()), Signal::SIGKILL).expect("it runs");
    run.wait().expect("it has ended");
    until("nothing runs and nothing is on disk", || (processes_of(dir), dir.exists()), |(left, there)| left.is_empty() && !there).await;
    end_sleepers(&script);
}

/// The command of a killed run is nobody's child any more.
fn end_sleepers(script: &str) {
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_it = line.split(|byte| *byte == 0).any(|argument| argument == script.as_bytes());
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let (true, Some(pid)) = (is_it, pid) {
            let children = Path::new("/proc").join(format!("{pid}/task/{pid}/children"));
            let children = std::fs::read_to_string(children).unwrap_or_default();
            for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
                kill(Pid::from_raw(child), Signal::SIGKILL).ok();
            }
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
    }
}

#[test]
fn a_call_without_a_command_says_how() {
    let output = nodes().arg("run").output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("usage: chiffon-nodes run"));
    let output = nodes().args(["run", "--", "/no/such/command"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(127), "{}", String::from_utf8_lossy(&output.stderr));
}

//! `chiffon-nodes run -- COMMAND`: one PostgreSQL and one RabbitMQ for as long as a command runs.
//!
//! The command finds them by three variables (see [`chiffon_nodes::shared`]). Its exit code becomes ours. Whatever ends it
//! or us, the nodes stop and nothing of them is left on disk.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};
use std::time::Instant;

use chiffon_nodes::{NodeError, PostgresNode, RabbitNode, shared};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "usage: chiffon-nodes run [--postgres-only] -- COMMAND [ARGUMENT...]\n\n\
    Starts a private PostgreSQL and a private RabbitMQ, runs COMMAND with CHIFFON_TEST_DATABASE_URL, CHIFFON_TEST_AMQP_URL and\n\
    CHIFFON_TEST_AMQP_MANAGEMENT_URL set, and stops and removes them when it ends.";

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|verb| verb != "run") {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let mut command: Vec<OsString> = arguments.collect();
    let postgres_only = take_first(&mut command, "--postgres-only");
    take_first(&mut command, "--");
    let Some((program, arguments)) = command.split_first() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut child = Command::new(program);
    child.args(arguments);
    match run(child, postgres_only).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("chiffon-nodes: [{}] {error}", error.code());
            ExitCode::FAILURE
        }
    }
}

/// Takes the first word if it is this one.
fn take_first(command: &mut Vec<OsString>, word: &str) -> bool {
    let is_it = command.first().is_some_and(|first| first == word);
    if is_it {
        command.remove(0);
    }
    is_it
}

async fn run(mut command: Command, postgres_only: bool) -> Result<u8, NodeError> {
    let began = Instant::now();
    eprintln!("nodes: starting a private PostgreSQL{} ...", if postgres_only { "" } else { " and a private RabbitMQ" });
    // Ctrl-C meets the command, too, which decides what to do about it; we outlive it to clean up.
    let mut interrupt = signal(SignalKind::interrupt()).expect("a runtime with signals");
    let mut terminate = signal(SignalKind::terminate()).expect("a runtime with signals");
    let broker = async { if postgres_only { Ok(None) } else { RabbitNode::start_temporary().await.map(Some) } };
    let starting = async { tokio::try_join!(PostgresNode::start_temporary(), broker) };
    let (postgres, rabbitmq) = tokio::select! {
        started = starting => started?,
        _ = interrupt.recv() => return Ok(130),
        _ = terminate.recv() => return Ok(143),
    };
    postgres.create_database("chiffon").await?;
    eprintln!("nodes: ready after {:.1} s", began.elapsed().as_secs_f64());
    let not_run = tempfile::NamedTempFile::new().map_err(|source| NodeError::FolderUnusable { path: std::env::temp_dir(), source })?;
    command.env(shared::NOT_RUN, not_run.path());
    command.env(shared::DATABASE_URL, postgres.url("chiffon"));
    if let Some(rabbitmq) = &rabbitmq {
        command.env(shared::AMQP_URL, rabbitmq.amqp_url("/"));
        command.envs(rabbitmq.management_url().map(|url| (shared::AMQP_MANAGEMENT_URL, url)));
    }
    let code = attend(command, &mut interrupt, &mut terminate).await;
    report(&std::fs::read_to_string(not_run.path()).unwrap_or_default());
    let stop_broker = async {
        if let Some(rabbitmq) = rabbitmq {
            rabbitmq.stop().await;
        }
    };
    tokio::join!(postgres.stop(), stop_broker);
    eprintln!("nodes: stopped and removed");
    Ok(code)
}

/// Runs the command to its end and gives its exit code, or 128 and the signal that ended it, as a shell does.
async fn attend(mut command: Command, interrupt: &mut tokio::signal::unix::Signal, terminate: &mut tokio::signal::unix::Signal) -> u8 {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("chiffon-nodes: {} can't be run: {error}", command.as_std().get_program().display());
            return 127;
        }
    };
    let pid = child.id().map(|id| Pid::from_raw(id.cast_signed()));
    loop {
        tokio::select! {
            ended = child.wait() => return ended.map_or(1, code),
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {
                if let Some(pid) = pid {
                    kill(pid, Signal::SIGTERM).ok();
                }
            }
        }
    }
}

/// Lists what tests have said that they could not do on this machine.
fn report(not_run: &str) {
    if !not_run.is_empty() {
        eprintln!("not run on this machine:");
        for line in not_run.lines() {
            eprintln!("  {line}");
        }
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

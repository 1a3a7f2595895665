//! `chiffon-nodes run -- COMMAND`: runs a command beside one private PostgreSQL and one private RabbitMQ, and stops both
//! afterwards, whatever happens. The command finds them by CHIFFON_TEST_DATABASE_URL, CHIFFON_TEST_AMQP_URL and
//! CHIFFON_TEST_AMQP_MANAGEMENT_URL.

use std::os::unix::fs::PermissionsExt as _;
use std::process::ExitCode;

use chiffon_nodes::{Durability, Listen, NodeError, PostgresNode, PostgresOptions, RabbitNode, RabbitOptions};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let command: Vec<_> = match (args.next(), args.next()) {
        (Some(verb), Some(dashes)) if verb == "run" && dashes == "--" => args.collect(),
        _ => Vec::new(),
    };
    if command.is_empty() {
        eprintln!("usage: chiffon-nodes run -- COMMAND [ARGUMENT ...]");
        return ExitCode::from(2);
    }
    rustls::crypto::ring::default_provider().install_default().ok();
    match beside_nodes(&command).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("chiffon-nodes: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn beside_nodes(command: &[std::ffi::OsString]) -> Result<u8, NodeError> {
    let folder = tempfile::Builder::new().prefix("chiffon-nodes-").tempdir().map_err(|source| io("a temporary folder", source))?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).map_err(|source| io("a temporary folder", source))?;
    let postgres = PostgresNode::start(PostgresOptions {
        data_dir: folder.path().join("postgres"),
        socket_dir: None,
        listen: Listen::Loopback,
        durability: Durability::Relaxed,
        max_connections: 400,
    });
    let rabbitmq = RabbitNode::start(RabbitOptions { dir: folder.path().join("rabbitmq"), management: true });
    let (postgres, rabbitmq) = tokio::try_join!(postgres, rabbitmq)?;
    let status = Command::new(&command[0])
        .args(&command[1..])
        .env("CHIFFON_TEST_DATABASE_URL", postgres.url("postgres"))
        .env("CHIFFON_TEST_AMQP_URL", rabbitmq.amqp_url("/"))
        .env("CHIFFON_TEST_AMQP_MANAGEMENT_URL", rabbitmq.management_url())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| io("the command", source));
    let code = match status {
        Ok(child) => wait(child).await,
        Err(error) => {
            eprintln!("chiffon-nodes: {error}");
            127
        }
    };
    rabbitmq.stop().await?;
    postgres.stop().await?;
    Ok(code)
}

/// The command's exit code. A signal that we get goes to the whole terminal, so the command ends by itself; SIGTERM ends it here.
async fn wait(mut child: tokio::process::Child) -> u8 {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else { return 1 };
    loop {
        tokio::select! {
            status = child.wait() => {
                let code = status.ok().and_then(|status| status.code()).unwrap_or(1);
                return u8::try_from(code).unwrap_or(1);
            }
            _ = interrupt.recv() => {}
            _ = terminate.recv() => { child.start_kill().ok(); }
        }
    }
}

fn io(path: &str, source: std::io::Error) -> NodeError {
    NodeError::Io { path: path.into(), source }
}

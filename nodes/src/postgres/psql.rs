//! The few statements that a node needs itself, by the server's own client. Everything else is its users' business.

use std::process::Stdio;

use super::USER;
use super::cluster::Cluster;
use crate::NodeError;

/// Makes a database unless it is there.
pub(super) async fn create_database(cluster: &Cluster, name: &str) -> Result<(), NodeError> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !starts_well || name.len() > 63 || !name.bytes().all(plain) {
        return Err(NodeError::InvalidName { name: name.to_owned() });
    }
    let there = run(cluster, &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'")).await?;
    if there.trim().is_empty() {
        run(cluster, &format!("CREATE DATABASE {name}")).await?;
    }
    Ok(())
}

async fn run(cluster: &Cluster, statement: &str) -> Result<String, NodeError> {
    let program = cluster.programs()?.join("psql");
    let output = tokio::process::Command::new(&program)
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"])
        .arg("--host")
        .arg(&cluster.socket_dir)
        .args(["--port", &cluster.port.to_string(), "--username", USER, "--dbname", "postgres", "--command", statement])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(NodeError::folder(&program))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(NodeError::Command {
        program: program.display().to_string(),
        what: format!("run `{statement}`"),
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

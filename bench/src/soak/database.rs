//! Questions to the database, by the client that people use. Nothing here writes.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// Longer than an answer takes; the database may be frozen.
const PATIENCE: Duration = Duration::from_secs(20);

/// The rows of a statement with one column.
pub async fn rows(url: &str, statement: &str) -> anyhow::Result<Vec<String>> {
    let mut psql = tokio::process::Command::new("psql");
    psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--command", statement, url])
        .env("PGCONNECT_TIMEOUT", "5")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, psql.output()).await.context("the database does not answer")??;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

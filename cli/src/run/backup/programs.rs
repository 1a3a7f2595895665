//! PostgreSQL's own programs: a dump at a snapshot, and a dump put into an empty database.

use std::path::Path;
use std::process::Stdio;

use chiffon_nodes::postgres_client;
use chiffon_protocol::{ErrorCode, Problem};
use reqwest::Url;
use tokio::process::Command;

use super::manifest::failed;
use crate::exit::Failure;

/// Dumps what the snapshot sees.
pub async fn dump(url: &str, server: u32, snapshot: &str, to: &Path) -> Result<(), Failure> {
    let mut command = program("pg_dump", server, url)?;
    command.args(["--format=custom", "--lock-wait-timeout=30s", "--snapshot", snapshot, "--file"]).arg(to);
    run(command, "the database can't be dumped").await.map(drop)
}

/// Puts a dump into an empty database, all or nothing. Owners are whoever does it; default privileges are left out, because they
/// name roles of the server that the dump was made on.
pub async fn load(url: &str, server: u32, dump: &Path) -> Result<(), Failure> {
    let what = "the dump can't be put into the database";
    let mut list = bare("pg_restore", server)?;
    list.arg("--list").arg(dump);
    let contents = run(list, what).await?;
    let wanted: String = contents.split_inclusive('\n').filter(|line| !line.contains(" DEFAULT ACL ")).collect();
    let chosen = dump.with_extension("contents");
    std::fs::write(&chosen, wanted)?;
    let mut command = program("pg_restore", server, url)?;
    command.args(["--exit-on-error", "--single-transaction", "--no-owner", "--use-list"]).arg(&chosen).arg(dump);
    run(command, what).await.map(drop)
}

fn bare(name: &str, server: u32) -> Result<Command, Failure> {
    let path = postgres_client(name, server).map_err(|error| Problem::new(ErrorCode::ProgramMissing, error.to_string()))?;
    let mut command = Command::new(path);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

fn program(name: &str, server: u32, url: &str) -> Result<Command, Failure> {
    let mut command = bare(name, server)?;
    let (url, password) = without_password(url);
    // Every user of the machine can read command lines.
    command.arg("--no-password").arg(format!("--dbname={url}")).envs(password.map(|password| ("PGPASSWORD", password)));
    Ok(command)
}

fn without_password(url: &str) -> (String, Option<String>) {
    let Ok(mut parsed) = Url::parse(url) else { return (url.to_owned(), None) };
    let Some(password) = parsed.password().map(decoded) else { return (url.to_owned(), None) };
    match parsed.set_password(None) {
        Ok(()) => (parsed.to_string(), Some(password)),
        Err(()) => (url.to_owned(), None),
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex =
            (*byte == b'%').then(|| after.get(..2)).flatten().and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(hex.unwrap_or(*byte));
        rest = if hex.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn run(mut command: Command, what: &str) -> Result<String, Failure> {
    let output = command.output().await.map_err(|error| failed(what, error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(what, String::from_utf8_lossy(&output.stderr).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_never_stands_on_a_command_line() {
        let (url, password) = without_password("postgres://ann:s%40cret%2f@db:5433/chiffon?sslmode=require");
        assert_eq!((url.as_str(), password.as_deref()), ("postgres://ann@db:5433/chiffon?sslmode=require", Some("s@cret/")));
        let socket = "postgres:///chiffon?host=%2Frun%2Fchiffon&user=chiffon&port=5432";
        assert_eq!(without_password(socket), (socket.to_owned(), None));
    }
}

//! `chiffon backup`: everything at one moment, in one file, while Chiffon runs.
//!
//! The database is dumped at a snapshot; the audit repository is read after it, so that it may be ahead of the database and is
//! never behind.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chiffon_kernel::store::{Store, StoreOptions};
use chiffon_process::{Clock as _, SystemClock};
use chiffon_protocol::{Problem, canonical};
use chiffon_records::audit_repo::AuditRepository;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::archive::{self, Named};
use super::manifest::{AUDIT, DATABASE, FORMAT, Manifest, failed};
use super::programs;
use super::source::Source;
use crate::args::{Global, Place};
use crate::exit::{Exit, Failure, Outcome};
use crate::show::table;

/// Makes one.
pub async fn run(global: &Global, to: &Path, place: &Place) -> Outcome {
    let target = target(to, SystemClock.now())?;
    let source = Source::find(global, place).await?;
    let folder = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let work = tempfile::Builder::new().prefix(".chiffon-backup-").tempdir_in(folder);
    let work = work.map_err(|error| failed(&format!("{} can't be written", folder.display()), error))?;
    let (mut manifest, mut files) = database(&source, work.path()).await?;
    manifest.audit_head = repository(&source, work.path(), &mut files).await?;
    files.extend(source.files.iter().cloned());
    manifest.parts = archive::parts(&files)?;
    archive::write(&target, &manifest, &files)?;
    if let Some(node) = source.node {
        node.stop().await;
    }
    tell(global, &target, &manifest);
    Ok(Exit::Done)
}

/// The file; in a folder one that is named by the time.
fn target(to: &Path, now: DateTime<Utc>) -> Result<PathBuf, Failure> {
    let target = if to.is_dir() { to.join(format!("chiffon-{}.tar", now.format("%Y%m%dT%H%M%SZ"))) } else { to.to_owned() };
    if target.exists() {
        return Err(Failure::usage(format!("{} exists; a backup is never overwritten", target.display())));
    }
    Ok(target)
}

async fn database(source: &Source, work: &Path) -> Result<(Manifest, Vec<Named>), Failure> {
    let store = Store::new(&store_options(&source.database_url)).map_err(Problem::from)?;
    let mut snapshot = store.snapshot().await.map_err(Problem::from)?;
    let made_at = SystemClock.now();
    let facts = chiffon_orchestrator::store::backup::facts(&mut snapshot).await.map_err(Problem::from)?;
    let file = work.join(DATABASE);
    let server = u32::try_from(facts.server).unwrap_or_default();
    programs::dump(&source.database_url, server, &facts.snapshot, &file).await?;
    drop(snapshot);
    store.close().await;
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made_at,
        schema: facts.schema,
        server,
        system_seq: facts.system_seq,
        system_head: facts.system_head.as_deref().map(canonical::hex),
        audit_head: None,
        parts: Vec::new(),
    };
    Ok((manifest, vec![(DATABASE.to_owned(), file)]))
}

async fn repository(source: &Source, work: &Path, files: &mut Vec<Named>) -> Result<Option<String>, Failure> {
    let (path, file) = (source.repository.clone(), work.join(AUDIT));
    let to = file.clone();
    let written = tokio::task::spawn_blocking(move || AuditRepository::open_existing(&path)?.write_bundle(&to)).await;
    let head = written
        .map_err(|error| failed("the audit repository can't be read", error))?
        .map_err(|error| failed("the audit repository can't be read", error))?;
    files.extend(head.map(|_| (AUDIT.to_owned(), file)));
    Ok(head.map(|head| head.to_string()))
}

/// Few connections, patient statements.
pub fn store_options(url: &str) -> StoreOptions {
    StoreOptions {
        url: url.to_owned(),
        max_connections: 2,
        acquire_timeout: Duration::from_secs(30),
        statement_timeout: Duration::from_mins(30),
    }
}

fn tell(global: &Global, target: &Path, manifest: &Manifest) {
    let bytes: u64 = manifest.parts.iter().map(|part| part.bytes).sum();
    if table::json(global.output, &json!({"file": target, "bytes": bytes, "manifest": manifest})) {
        return;
    }
    let head = manifest
        .audit_head
        .as_deref()
        .map_or("nothing committed yet".to_owned(), |head| format!("audit repository at {}", head.get(..8).unwrap_or(head)));
    println!(
        "{}: {} parts, {} KiB; schema {}, audit log to row {} of the system chain, {head}.",
        target.display(),
        manifest.parts.len(),
        bytes.div_ceil(1024),
        manifest.schema,
        manifest.system_seq
    );
    println!("It holds keys and tokens: keep it as you keep those. `chiffon restore {} --verify` tries it out.", target.display());
}

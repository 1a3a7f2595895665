//! Checks that all records are as they were written, and says exactly what is not (RELIABILITY 21 and 22).
//!
//! Chains against their heads and seals, logs against their digests, the audit repository against the database. It sees the
//! database as it was at one moment; what is written meanwhile is neither missed nor mistaken for damage.

mod chain;
mod logs;
mod repository;
mod seals;

use std::collections::BTreeMap;

use chiffon_protocol::{ErrorCode, Problem};
use git2::Oid;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::chain::Head;
use crate::audit_repo::{AuditRepository, RepositoryError};
use crate::domain::log_digest::LogSeal;
use crate::store::read::audit;
use chiffon_kernel::domain::audit::SYSTEM_CHAIN;
use chiffon_kernel::store::Store;

/// Rows read at a time.
const PAGE: i64 = 1_000;
/// More findings than this are only counted.
const MOST: usize = 100;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Chains that are whole.
    pub chains: u64,
    /// Rows of chains that are as they were written.
    pub rows: i64,
    /// Heads of ended requests in the system chain that fit.
    pub seals: u64,
    /// Logs that fit their digests.
    pub logs: u64,
    /// Logs that have expired; their digests stay.
    pub logs_expired: u64,
    /// Commits that are as they were recorded; `None` when the repository was not looked at.
    pub commits: Option<u64>,
    /// Objects of the repository that are what their names say.
    pub objects: u64,
    /// What is not as it was written, at most a hundred.
    pub problems: Vec<Problem>,
    /// How much was found in all.
    pub found: usize,
}

impl Report {
    /// Whether everything is as it was written, and nothing is missing.
    pub fn is_whole(&self) -> bool {
        self.found == 0
    }

    fn broken(&mut self, message: impl Into<String>, details: Value) {
        self.found += 1;
        if self.problems.len() < MOST {
            self.problems.push(Problem::new(ErrorCode::AuditBroken, message).with_details(details));
        }
    }
}

/// Log digests of a chain: for each attempt the one that covers most.
type LogSeals = BTreeMap<(Uuid, i32), LogSeal>;

/// Checks everything. Without a repository, that part is left out.
pub async fn all(store: &Store, repository: Option<&AuditRepository>) -> Result<Report, Problem> {
    let mut report = Report::default();
    // Read first: what the branch contains by now was recorded before, so the snapshot knows of it.
    let head = match repository {
        Some(repository) => in_repository(repository, AuditRepository::head).await?,
        None => None,
    };
    let mut snapshot = store.snapshot().await?;
    let system = head_of(&mut snapshot, SYSTEM_CHAIN).await?.unwrap_or_default();
    let seals = chain::run(&mut snapshot, &system, &mut report).await?.seals;
    let mut broken = Vec::new();
    let mut after = None;
    loop {
        let heads = audit::heads(&mut *snapshot, after, PAGE).await?;
        let Some(last) = heads.last() else { break };
        after = Some(last.0);
        for (id, seq, hash) in heads {
            let checked = chain::run(&mut snapshot, &Head { chain: id.to_string(), seq, hash }, &mut report).await?;
            if !checked.is_whole {
                broken.push(id.to_string());
            }
            logs::run(&mut snapshot, &checked.logs, &mut report).await?;
        }
    }
    for chain in audit::orphans(&mut *snapshot).await? {
        let message = format!("request {chain} is gone from the database, and its audit chain is still there: the request was deleted");
        report.broken(message, json!({"kind": "request_missing", "chain": chain}));
        broken.push(chain);
    }
    seals::run(&mut snapshot, &seals, &broken, &mut report).await?;
    if let Some(repository) = repository {
        repository::run(&mut snapshot, repository, head, &mut report).await?;
    }
    Ok(report)
}

/// Checks one chain, with the logs of its request and what the system chain keeps of its head; `None` when there is no such chain.
pub async fn one(store: &Store, name: &str) -> Result<Option<Report>, Problem> {
    let mut report = Report::default();
    let mut snapshot = store.snapshot().await?;
    let Some(head) = head_of(&mut snapshot, name).await? else { return Ok(None) };
    let checked = chain::run(&mut snapshot, &head, &mut report).await?;
    logs::run(&mut snapshot, &checked.logs, &mut report).await?;
    if name == SYSTEM_CHAIN {
        seals::run(&mut snapshot, &checked.seals, &[], &mut report).await?;
    } else if checked.is_whole {
        let kept = audit::seals_of(&mut *snapshot, name).await?;
        let seals = kept.into_iter().filter_map(|data| serde_json::from_value(data).ok()).collect::<Vec<_>>();
        seals::run(&mut snapshot, &seals, &[], &mut report).await?;
    }
    Ok(Some(report))
}

async fn head_of(connection: &mut PgConnection, name: &str) -> Result<Option<Head>, Problem> {
    let found = audit::head(connection, name).await?;
    Ok(found.map(|(seq, hash)| Head { chain: name.to_owned(), seq, hash }))
}

/// libgit2 blocks on the disk, so it works on a thread for that.
async fn in_repository<T, F>(repository: &AuditRepository, work: F) -> Result<T, Problem>
where
    T: Send + 'static,
    F: FnOnce(&AuditRepository) -> Result<T, RepositoryError> + Send + 'static,
{
    let repository = repository.clone();
    tokio::task::spawn_blocking(move || work(&repository))
        .await
        .map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?
        .map_err(|error| Problem::new(ErrorCode::AuditRepositoryFailed, error.to_string()))
}

/// What a commit's id is in the database.
fn oid(text: &str) -> Option<Oid> {
    Oid::from_str(text).ok()
}

//! What a backup says of itself.

use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// The only format so far.
pub const FORMAT: u32 = 1;
/// The part with the database, in PostgreSQL's custom format.
pub const DATABASE: &str = "database.dump";
/// The part with the audit repository, a git bundle; not there while nothing was committed.
pub const AUDIT: &str = "audit.bundle";
/// Parts under this go back into the data directory.
pub const FILES: &str = "files/";

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the file.
    pub format: u32,
    /// The version of Chiffon that made it.
    pub version: String,
    /// The moment that it holds.
    pub made_at: DateTime<Utc>,
    /// The newest migration of the database.
    pub schema: i64,
    /// The major version of its server.
    pub server: u32,
    /// The last number of the system chain of the audit log.
    pub system_seq: i64,
    /// Its hash.
    pub system_head: Option<String>,
    /// The newest commit of the audit repository, at this moment or a little later, never earlier.
    pub audit_head: Option<String>,
    /// The files in it.
    pub parts: Vec<Part>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its path in the archive.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its hash, 64 hex digits.
    pub sha256: String,
}

impl Manifest {
    /// Reads it; a format that this version does not know is refused.
    pub fn read(text: &[u8]) -> Result<Self, Failure> {
        let format = serde_json::from_slice::<serde_json::Value>(text).ok().and_then(|value| value["format"].as_u64());
        match format {
            Some(format) if format == u64::from(FORMAT) => {
                serde_json::from_slice(text).map_err(|error| damaged(format!("its manifest can't be read: {error}")))
            }
            Some(format) => Err(damaged(format!("it has the format {format}, and this version of Chiffon reads {FORMAT}"))),
            None => Err(damaged("it has no manifest")),
        }
    }
}

/// This is no backup, or not as it was made.
pub fn damaged(what: impl std::fmt::Display) -> Failure {
    Problem::new(ErrorCode::BackupDamaged, format!("the backup can't be used: {what}")).into()
}

/// Something could not be done.
pub fn failed(what: &str, why: impl std::fmt::Display) -> Failure {
    Problem::new(ErrorCode::BackupFailed, format!("{what}: {why}")).into()
}

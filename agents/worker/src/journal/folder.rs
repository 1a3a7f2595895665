//! One attempt's folder: `work.json` (the body as it came), `state.json`, `events.jsonl`, `result.json`.

use std::io;
use std::path::{Path, PathBuf};

use chiffon_protocol::message::{WorkRequest, WorkResult};
use chiffon_protocol::{Envelope, Message};
use serde::de::DeserializeOwned;

use super::event_log::EventLog;
use super::files::{sync_folder, write_whole};
use super::record::Record;

/// The place of one attempt in the journal.
#[derive(Debug, Clone)]
pub(crate) struct AttemptFolder {
    path: PathBuf,
}

/// What a start finds of an attempt.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) folder: AttemptFolder,
    pub(crate) record: Record,
    pub(crate) result: Option<WorkResult>,
}

impl AttemptFolder {
    /// Puts a received attempt on the disk: the work first, then the state that makes it count.
    pub(super) fn create(journal: &Path, record: &Record, work: &[u8]) -> io::Result<Self> {
        let path = journal.join(format!("{}.{}", record.task_id, record.attempt));
        std::fs::create_dir_all(&path)?;
        let folder = Self { path };
        let written = write_whole(&folder.path.join("work.json"), work)
            .and_then(|()| folder.write_record(record))
            .and_then(|()| sync_folder(journal));
        if let Err(error) = written {
            // What is there does not count, and takes room that is needed.
            drop(folder.remove());
            return Err(error);
        }
        Ok(folder)
    }

    /// Reads an attempt's folder; `None` where a crash left one that does not count yet.
    pub(super) fn open(path: &Path) -> io::Result<Option<Found>> {
        let folder = Self { path: path.to_owned() };
        let Some(record) = read::<Record>(&folder.path.join("state.json"))? else {
            return Ok(None);
        };
        let result = read::<WorkResult>(&folder.path.join("result.json"))?;
        Ok(Some(Found { folder, record, result }))
    }

    /// The work as it came; `None` where it can't be read.
    pub(crate) fn work(&self) -> Option<WorkRequest> {
        let body = std::fs::read(self.path.join("work.json")).ok()?;
        match Envelope::parse(&body).ok()?.message {
            Message::WorkRequest(work) => Some(work),
            _ => None,
        }
    }

    /// Replaces the state.
    pub(crate) fn write_record(&self, record: &Record) -> io::Result<()> {
        let bytes = serde_json::to_vec(record).map_err(io::Error::other)?;
        write_whole(&self.path.join("state.json"), &bytes)
    }

    /// Writes the result. Once.
    pub(crate) fn write_result(&self, result: &WorkResult) -> io::Result<()> {
        let bytes = serde_json::to_vec(result).map_err(io::Error::other)?;
        write_whole(&self.path.join("result.json"), &bytes)
    }

    /// Opens the attempt's log, which grows to this many bytes.
    pub(crate) fn events(&self, max_bytes: u64) -> io::Result<EventLog> {
        EventLog::open(&self.path.join("events.jsonl"), max_bytes)
    }

    /// Forgets the attempt. The state goes first, so that a crash leaves nothing that counts.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match std::fs::remove_file(self.path.join("state.json")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::remove_dir_all(&self.path)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

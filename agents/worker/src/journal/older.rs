//! What an older agent has left: a folder per attempt, with `work.json` (the body as it came), `state.json`, `events.jsonl` and
//! `result.json`. They are taken over at a start, and nothing writes such folders any more.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chiffon_protocol::message::WorkResult;
use serde::de::DeserializeOwned;

use super::record::Record;
use super::start::log_path;

/// One folder.
#[derive(Debug)]
pub(super) struct Left {
    path: PathBuf,
    /// What is known of its attempt; `None` where a crash left a folder that does not count.
    pub(super) counts: Option<(Record, Option<WorkResult>)>,
    /// The work as it came; empty where it can't be read.
    pub(super) work: Bytes,
}

/// All folders in a journal. What can't be read is logged and left for a person.
pub(super) fn left_by_an_older_agent(journal: &Path) -> io::Result<Vec<Left>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(journal)? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        match Left::read(&path) {
            Ok(left) => found.push(left),
            Err(error) => {
                tracing::error!(folder = %path.display(), %error, "this attempt of the journal can't be read; it is left as it is");
            }
        }
    }
    Ok(found)
}

impl Left {
    fn read(path: &Path) -> io::Result<Self> {
        let counts = match read::<Record>(&path.join("state.json"))? {
            Some(record) => Some((record, read::<WorkResult>(&path.join("result.json"))?)),
            None => None,
        };
        let work = std::fs::read(path.join("work.json")).unwrap_or_default().into();
        Ok(Self { path: path.to_owned(), counts, work })
    }

    /// Takes its log to where logs lie, and the folder away. Its attempt stands in the journal by now.
    pub(super) fn take_over(&self, journal: &Path) -> io::Result<()> {
        if let Some((record, _)) = &self.counts {
            let (log, place) = (self.path.join("events.jsonl"), log_path(journal, record.key()));
            if log.exists() && !place.exists() {
                std::fs::rename(log, place)?;
            }
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

//! The journal as the worker sees it: held by one process, with an id of its own and an incarnation that only grows.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chiffon_process::{Clock, IdSource, private};
use chiffon_protocol::message::WorkResult;
use chiffon_protocol::{ErrorCode, Problem};
use uuid::Uuid;

use super::contents::End;
use super::entry::Kind;
use super::event_log::Rest;
use super::files::write_whole;
use super::lock::{identity, next_incarnation, take_lock};
use super::record::{Key, Record};
use super::start::{self, Found, Start, log_path};
use super::writer::{Counts, Segment, Writer};

/// What a probe writes: as much as work and state take, many times over.
const PROBE_BYTES: usize = 256 * 1024;
/// A file of the journal grows by about so much before what counts begins the next one.
const GROWS: u64 = 8 * 1024 * 1024;

/// An agent's journal, held for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    id: Uuid,
    incarnation: u64,
    writer: Writer,
    counts: Arc<Counts>,
    problems: Vec<String>,
    found: Mutex<Vec<Found>>,
}

impl Journal {
    /// Takes the journal under an agent's data folder. Fails with 5402 when another process holds it or it can't be written.
    pub(crate) fn open(data_dir: &Path, clock: &dyn Clock, ids: &dyn IdSource) -> Result<Self, Problem> {
        Self::open_growing(data_dir, clock, ids, GROWS)
    }

    fn open_growing(data_dir: &Path, clock: &dyn Clock, ids: &dyn IdSource, grows: u64) -> Result<Self, Problem> {
        let folder = data_dir.join("journal");
        let unusable = |error: &io::Error| {
            Problem::new(
                ErrorCode::JournalUnavailable,
                format!(
                    "the journal {} can't be used: {error}; make the folder writable for this user, with room on its disk",
                    folder.display()
                ),
            )
        };
        // What runs have said may hold anything.
        private::folder(&folder).map_err(|error| unusable(&error))?;
        let lock = take_lock(&folder)?;
        let id = identity(&folder, ids).map_err(|error| unusable(&error))?;
        let incarnation = next_incarnation(&folder, clock).map_err(|error| unusable(&error))?;
        let counts = Arc::new(Counts::default());
        let begun = Start::read(&folder).and_then(|start| {
            let segment = Segment::begin(&folder, start.next_number, &start.carried, grows, &counts)?;
            start::tidy(&folder, &start)?;
            let writer = Writer::start(segment, start.carried, grows, lock)?;
            Ok((writer, start.found, start.problems))
        });
        let (writer, found, problems) = begun.map_err(|error| unusable(&error))?;
        Ok(Self { folder, id, incarnation, writer, counts, problems, found: Mutex::new(found) })
    }

    /// The journal's id, stable as long as its folder is.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// The number of this start; larger than all before.
    pub(crate) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// What of it can't be read and is left for a person, by file.
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// How many entries were written since the start, with how many syncs of the disk.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.counts.entries.load(Ordering::Relaxed), self.counts.syncs.load(Ordering::Relaxed))
    }

    /// All attempts that the start found, in a stable order. They are told once.
    pub(crate) fn attempts(&self) -> Vec<Found> {
        std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where the log of an attempt lies.
    pub(crate) fn log_path(&self, key: Key) -> PathBuf {
        log_path(&self.folder, key)
    }

    /// Puts a received attempt on the disk, with its work as it came.
    pub(crate) async fn add(&self, record: &Record, work: &Bytes) -> io::Result<()> {
        self.writer.write(Kind::Received, record.key(), &json(record)?, work).await
    }

    /// Replaces the record of an attempt.
    pub(crate) async fn change(&self, record: &Record) -> io::Result<()> {
        self.writer.write(Kind::Changed, record.key(), &json(record)?, b"").await
    }

    /// Writes how an attempt ended, with what of its log may not be on the disk.
    pub(crate) async fn end(&self, record: Record, result: WorkResult, rest: &Rest) -> io::Result<()> {
        let key = record.key();
        let end = End { record, result, rest_at: rest.at };
        self.writer.write(Kind::Ended, key, &json(&end)?, &rest.bytes).await
    }

    /// Forgets an attempt. A power cut may bring it back: it is reported once more, then.
    pub(crate) async fn forget(&self, key: Key) -> io::Result<()> {
        self.writer.write(Kind::Forgotten, key, b"", b"").await
    }

    /// Takes away the log of an attempt that does not count.
    pub(crate) fn drop_log(&self, key: Key) -> io::Result<()> {
        match std::fs::remove_file(self.log_path(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether there is room for another attempt.
    pub(crate) fn probe(&self) -> io::Result<()> {
        let path = self.folder.join("probe");
        let written = write_whole(&path, &vec![0; PROBE_BYTES]);
        std::fs::remove_file(&path).ok();
        written
    }
}

fn json(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(io::Error::other)
}

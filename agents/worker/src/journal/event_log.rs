//! The numbered log of one attempt: append only, a line an event, bounded, readable from any number.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use chiffon_protocol::message::LogEvent;
use chrono::{DateTime, Utc};
use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};

use super::files::sync_folder;
use crate::run_context::NewEvent;

/// Room for failures beyond the limit.
const RESERVE_BYTES: u64 = 1024 * 1024;

/// So much room is taken for the log of an attempt before it counts.
const ROOM_BYTES: i64 = 64 * 1024;

/// As much of a log is kept with the result instead of being synced.
const MOST_REST: u64 = 256 * 1024;

/// The end of a log that was not synced: it goes into the journal with the result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rest {
    /// Where in the log it begins, in bytes.
    pub(crate) at: u64,
    pub(crate) bytes: Vec<u8>,
}

/// Where a reader stands in a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    offset: u64,
    /// The last event that was read.
    pub(crate) seq: u64,
}

/// The log of one attempt.
#[derive(Debug)]
pub(crate) struct EventLog {
    path: PathBuf,
    file: File,
    bytes: u64,
    synced: u64,
    last_seq: u64,
    limit_bytes: u64,
    truncation_said: bool,
}

impl EventLog {
    /// Opens a log, and takes away a last line that a crash cut off. Beyond the limit only failures are kept: a runaway play must not
    /// fill the disk.
    pub(crate) fn open(path: &Path, limit_bytes: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut reader = BufReader::new(&mut file);
        let (mut bytes, mut last_seq) = (0, 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            let Ok(event) = serde_json::from_slice::<LogEvent>(&line) else { break };
            if line.last() != Some(&b'\n') {
                break;
            }
            bytes += length as u64;
            last_seq = event.seq;
        }
        file.set_len(bytes)?;
        Ok(Self { path: path.to_owned(), file, bytes, synced: 0, last_seq, limit_bytes, truncation_said: false })
    }

    /// Takes room on the disk for what will be said, so that no work is taken that a full disk would cut off. It goes with the log.
    pub(crate) fn take_room(&self) -> io::Result<()> {
        match fallocate(&self.file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, ROOM_BYTES) {
            // A file system that can't promise it.
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
            taken => taken.map_err(io::Error::from),
        }
    }

    /// The number of the last event; 0 when there is none.
    pub(crate) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Appends an event; its number, or 0 when it was left out (the log is full, or the disk is).
    pub(crate) fn add(&mut self, event: NewEvent, at: DateTime<Utc>) -> u64 {
        let essential = matches!(event.kind, "task_failed" | "host_unreachable" | "stats");
        if self.bytes > self.limit_bytes {
            if !self.truncation_said {
                self.truncation_said = true;
                let limit = self.limit_bytes;
                let text = format!("the log is longer than {limit} bytes (`agent.max_log_bytes`); from here on only failures are kept");
                self.append(NewEvent::text("warning", text), at);
            }
            if !essential || self.bytes > self.limit_bytes + RESERVE_BYTES {
                return 0;
            }
        }
        self.append(event, at)
    }

    fn append(&mut self, event: NewEvent, at: DateTime<Utc>) -> u64 {
        let NewEvent { kind, host, name, text, diff } = event;
        let event = LogEvent { seq: self.last_seq + 1, at, kind: kind.to_owned(), host, name, text, diff };
        let mut line = serde_json::to_vec(&event).expect("wire types always serialize");
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            tracing::error!(log = %self.path.display(), %error, "an event could not be journalled and is left out");
            // A cut-off line would hide all that follow it.
            drop(self.file.set_len(self.bytes));
            return 0;
        }
        self.bytes += line.len() as u64;
        self.last_seq = event.seq;
        event.seq
    }

    /// Puts a log's end back that a power cut took away.
    pub(super) fn restore(path: &Path, rest: &Rest) -> io::Result<()> {
        if rest.bytes.is_empty() {
            return Ok(());
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut there = Vec::new();
        file.seek(SeekFrom::Start(rest.at))?;
        (&mut file).take(rest.bytes.len() as u64).read_to_end(&mut there)?;
        if there == rest.bytes {
            return Ok(());
        }
        file.set_len(rest.at.min(file.metadata()?.len()))?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(&rest.bytes)
    }

    /// Makes all events survive a power cut.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        sync_folder(self.path.parent().unwrap_or(Path::new("/")))?;
        self.synced = self.bytes;
        Ok(())
    }

    /// What would not survive a power cut; where that is much, it is synced, and nothing is left of it.
    pub(crate) fn rest(&mut self) -> io::Result<Rest> {
        if self.bytes - self.synced > MOST_REST {
            self.sync()?;
        }
        let mut rest = Rest { at: self.synced, bytes: Vec::new() };
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(rest.at))?;
        file.take(self.bytes - self.synced).read_to_end(&mut rest.bytes)?;
        Ok(rest)
    }

    /// The next events after the cursor, at most `limit` of them and about `most_bytes` long; the cursor moves past them.
    pub(crate) fn read(&self, cursor: &mut Cursor, limit: usize, most_bytes: usize) -> io::Result<Vec<LogEvent>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(cursor.offset))?;
        let mut reader = BufReader::new(file.take(self.bytes.saturating_sub(cursor.offset)));
        let (mut events, mut read) = (Vec::new(), 0);
        let mut line = Vec::new();
        while events.len() < limit && read < most_bytes {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if length == 0 {
                break;
            }
            let event: LogEvent = serde_json::from_slice(&line)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", self.path.display())))?;
            cursor.offset += length as u64;
            cursor.seq = event.seq;
            read += length;
            events.push(event);
        }
        Ok(events)
    }

    /// A cursor right behind event `seq`.
    pub(crate) fn cursor_after(&self, seq: u64) -> io::Result<Cursor> {
        let mut cursor = Cursor::default();
        while cursor.seq < seq.min(self.last_seq) {
            let wanted = usize::try_from(seq - cursor.seq).unwrap_or(usize::MAX).min(1_000);
            if self.read(&mut cursor, wanted, usize::MAX)?.is_empty() {
                break;
            }
        }
        Ok(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1024 * 1024;

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).expect("a valid time")
    }

    #[test]
    fn numbers_go_on_without_a_gap_after_a_line_was_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.jsonl");
        let mut log = EventLog::open(&path, LIMIT).expect("opens");
        assert_eq!(log.add(NewEvent::text("output", "one"), at()), 1);
        assert_eq!(log.add(NewEvent::text("output", "two"), at()), 2);
        drop(log);
        OpenOptions::new().append(true).open(&path).expect("opens").write_all(br#"{"seq":3,"at"#).expect("writes");

        let mut log = EventLog::open(&path, LIMIT).expect("opens");
        assert_eq!(log.last_seq(), 2);
        assert_eq!(log.add(NewEvent::text("output", "three"), at()), 3);
        let events = log.read(&mut Cursor::default(), 10, usize::MAX).expect("reads");
        assert_eq!(events.iter().map(|event| event.text.as_str()).collect::<Vec<_>>(), ["one", "two", "three"]);
    }

    #[test]
    fn what_was_not_synced_is_put_back_whatever_is_left_of_it_and_much_is_synced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.jsonl");
        let mut log = EventLog::open(&path, LIMIT).expect("opens");
        log.add(NewEvent::text("output", "one"), at());
        log.sync().expect("syncs");
        let synced = log.bytes;
        log.add(NewEvent::text("output", "two"), at());
        let rest = log.rest().expect("reads");
        let whole = std::fs::read(&path).expect("reads");
        assert_eq!((rest.at, &rest.bytes[..]), (synced, &whole[rest.bytes.len()..]));
        for left in synced..=log.bytes {
            log.file.set_len(left).expect("cuts");
            EventLog::restore(&path, &rest).expect("restores");
            assert_eq!(std::fs::read(&path).expect("reads"), whole, "{left} bytes were left");
        }
        log.add(NewEvent::text("output", "x".repeat(300_000)), at());
        assert_eq!(log.rest().expect("syncs"), Rest { at: log.bytes, bytes: Vec::new() });
    }

    #[test]
    fn a_reader_continues_behind_any_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = EventLog::open(&folder.path().join("events.jsonl"), LIMIT).expect("opens");
        for number in 1..=2_500 {
            log.add(NewEvent::text("output", format!("line {number}")), at());
        }
        let mut cursor = log.cursor_after(2_100).expect("a cursor");
        let batch = log.read(&mut cursor, 200, usize::MAX).expect("reads");
        assert_eq!((batch[0].seq, batch.len(), cursor.seq), (2_101, 200, 2_300));
    }

    #[test]
    fn a_full_log_says_so_and_keeps_failures() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = EventLog::open(&folder.path().join("events.jsonl"), 1_000).expect("opens");
        for number in 0..100 {
            log.add(NewEvent::text("output", format!("line {number}")), at());
        }
        let failure = log.add(NewEvent::text("task_failed", "no"), at());
        assert_eq!(failure, log.last_seq());
        let events = log.read(&mut Cursor::default(), 1_000, usize::MAX).expect("reads");
        assert!(events.len() < 20, "{} events", events.len());
        let kinds: Vec<&str> = events.iter().rev().take(2).map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["task_failed", "warning"]);
        assert!(events.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1));
    }
}

//! What a start finds: the newest file that was finished, what an older agent has left, and what can't be read any more.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chiffon_protocol::message::WorkResult;

use super::contents::{Contents, Held};
use super::event_log::{EventLog, Rest};
use super::files::sync_folder;
use super::older::{Left, left_by_an_older_agent};
use super::record::{Key, Record};
use super::writer::{Carried, path_of};

/// The end of the name of a file that could not be read to its end.
const DAMAGED: &str = "damaged";

/// An attempt that the journal holds.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) record: Record,
    /// The work as it came; empty where it can't be read.
    pub(crate) work: Bytes,
    pub(crate) result: Option<WorkResult>,
}

/// Where the log of an attempt lies. No folder: those are what older agents have left.
pub(super) fn log_path(folder: &Path, key: Key) -> PathBuf {
    folder.join(format!("{}.{}.log", key.0, key.1))
}

/// What a start has read, and what it has to do before it may write.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) found: Vec<Found>,
    pub(super) carried: Carried,
    /// No file had this number yet.
    pub(super) next_number: u64,
    pub(super) problems: Vec<String>,
    /// Files of before, each with whether a person has to look at it.
    old: Vec<(PathBuf, bool)>,
    left: Vec<Left>,
    rests: Vec<(Key, Rest)>,
}

impl Start {
    /// Reads the journal; nothing is changed yet.
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let numbers = numbers(folder)?;
        let next_number = numbers.last_key_value().map_or(1, |(number, _)| number + 1);
        let mut problems: Vec<String> =
            numbers.values().filter(|path| is_damaged(path)).map(|path| problem(path, &BTreeSet::new())).collect();
        let files: Vec<u64> = numbers.iter().filter(|(_, path)| !is_damaged(path)).map(|(number, _)| *number).collect();
        let mut old = Vec::new();
        let mut held: BTreeMap<Key, Held> = BTreeMap::new();
        let mut is_found = false;
        for path in files.iter().rev().map(|number| path_of(folder, *number)) {
            let bytes = std::fs::read(&path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
            let contents = Contents::read(&bytes);
            let is_damaged = !contents.damaged_at.is_empty();
            // The newest counts. One that was never finished has nothing of its own.
            if !is_found && (contents.is_whole || is_damaged) {
                (is_found, held) = (true, contents.held);
            }
            if is_damaged {
                let problem = problem(&damaged_name(&path), &contents.in_doubt);
                tracing::error!(file = %path.display(), bytes = ?contents.damaged_at, "{problem}");
                problems.push(problem);
            }
            old.push((path, is_damaged));
        }
        let left = left_by_an_older_agent(folder)?;
        for attempt in &left {
            // What stands here as well was taken over by a start that did not come to its end.
            if let Some((record, result)) = &attempt.counts
                && !held.contains_key(&record.key())
            {
                let taken = Held::new(record.clone(), attempt.work.clone(), result.clone()).map_err(io::Error::other)?;
                held.insert(record.key(), taken);
            }
        }
        let mut start = Self { found: Vec::new(), carried: Carried::new(), next_number, problems, old, left, rests: Vec::new() };
        for (key, held) in held {
            let (result, rest) = held.end.map_or((None, None), |(result, rest)| (Some(result), Some(rest)));
            start.rests.extend(rest.map(|rest| (key, rest)));
            start.carried.insert(key, held.carry);
            start.found.push(Found { record: held.record, work: held.work, result });
        }
        Ok(start)
    }
}

/// Does what follows from what was read, once a new file has begun with it.
pub(super) fn tidy(folder: &Path, start: &Start) -> io::Result<()> {
    for (path, is_kept) in &start.old {
        if *is_kept {
            std::fs::rename(path, damaged_name(path))?;
        } else {
            std::fs::remove_file(path)?;
        }
    }
    for left in &start.left {
        left.take_over(folder)?;
    }
    for (key, rest) in &start.rests {
        EventLog::restore(&log_path(folder, *key), rest)?;
    }
    let keeps = start.old.iter().any(|(_, is_kept)| *is_kept);
    for path in paths(folder)? {
        let is_log = path.extension().is_some_and(|end| end == "log");
        if is_log && !start.carried.keys().any(|key| log_path(folder, *key) == path) {
            // Nobody's log, or that of an attempt of which nothing else can be read.
            if keeps {
                std::fs::rename(&path, damaged_name(&path))?;
            } else {
                std::fs::remove_file(&path)?;
            }
        }
    }
    sync_folder(folder)
}

fn problem(path: &Path, in_doubt: &BTreeSet<Key>) -> String {
    let names: Vec<String> = in_doubt.iter().map(|(task, attempt)| format!("attempt {attempt} of task {task}")).collect();
    let whose = if names.is_empty() { String::new() } else { format!("; nothing is reported of {}", names.join(", ")) };
    format!(
        "a file of the journal is damaged and kept as {}{whose}; look at the disk, and remove the file when its tasks are decided",
        path.display()
    )
}

fn damaged_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(DAMAGED);
    PathBuf::from(name)
}

fn is_damaged(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == DAMAGED)
}

fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

/// The journal's files by number, damaged ones too.
pub(super) fn numbers(folder: &Path) -> io::Result<BTreeMap<u64, PathBuf>> {
    let number = |path: &PathBuf| {
        let (number, end) = path.file_name()?.to_str()?.split_once('.')?;
        matches!(end, "entries" | "entries.damaged").then(|| number.parse().ok()).flatten()
    };
    Ok(paths(folder)?.into_iter().filter_map(|path| Some((number(&path)?, path))).collect())
}

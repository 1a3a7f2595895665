//! The journal as a whole: held by one process, with an id of its own and an incarnation that only grows.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use chiffon_process::{Clock, IdSource, private};
use chiffon_protocol::{ErrorCode, Problem};
use nix::fcntl::{Flock, FlockArg};
use uuid::Uuid;

use super::files::write_whole;
use super::folder::{AttemptFolder, Found};
use super::record::Record;

/// What a probe writes: as much as work and state take, many times over.
const PROBE_BYTES: usize = 256 * 1024;

/// An agent's journal, held for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    id: Uuid,
    incarnation: u64,
    _lock: Flock<File>,
}

impl Journal {
    /// Takes the journal under an agent's data folder. Fails with 5402 when another process holds it or it can't be written.
    pub(crate) fn open(data_dir: &Path, clock: &dyn Clock, ids: &dyn IdSource) -> Result<Self, Problem> {
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
        Ok(Self { folder, id, incarnation, _lock: lock })
    }

    /// The journal's id, stable as long as its folder is.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// The number of this start; larger than all before.
    pub(crate) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Puts a received attempt on the disk.
    pub(crate) fn add(&self, record: &Record, work: &[u8]) -> io::Result<AttemptFolder> {
        AttemptFolder::create(&self.folder, record, work)
    }

    /// Whether there is room for another attempt.
    pub(crate) fn probe(&self) -> io::Result<()> {
        let path = self.folder.join("probe");
        let written = write_whole(&path, &vec![0; PROBE_BYTES]);
        std::fs::remove_file(&path).ok();
        written
    }

    /// All attempts that the journal holds. What can't be read is logged and left for a person.
    pub(crate) fn attempts(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if !path.is_dir() {
                continue;
            }
            match AttemptFolder::open(&path) {
                Ok(Some(attempt)) => found.push(attempt),
                Ok(None) => drop(std::fs::remove_dir_all(&path)),
                Err(error) => {
                    tracing::error!(folder = %path.display(), %error, "this attempt of the journal can't be read; it is left as it is");
                }
            }
        }
        found.sort_by_key(|attempt| (attempt.record.task_id, attempt.record.attempt));
        Ok(found)
    }
}

fn take_lock(folder: &Path) -> Result<Flock<File>, Problem> {
    let path = folder.join("lock");
    let problem = |text: String| Problem::new(ErrorCode::JournalUnavailable, text);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| problem(format!("{} can't be opened: {error}", path.display())))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut lock) => {
            let pid = std::process::id();
            drop(lock.set_len(0).and_then(|()| write!(&mut *lock, "{pid}")));
            Ok(lock)
        }
        Err((mut file, _)) => {
            let mut pid = String::new();
            drop(file.read_to_string(&mut pid));
            let holder = if pid.is_empty() { "another process".to_owned() } else { format!("process {pid}") };
            let text = format!(
                "the journal {} is held by {holder}; stop that agent, or give this one another agent id or data directory",
                folder.display()
            );
            Err(problem(text).with_details(serde_json::json!({"folder": folder, "pid": pid.parse::<u32>().ok()})))
        }
    }
}

fn identity(folder: &Path, ids: &dyn IdSource) -> io::Result<Uuid> {
    let path = folder.join("id");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| io::Error::other(format!("{} is not a UUID", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = ids.new_id();
            write_whole(&path, id.to_string().as_bytes())?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}

fn next_incarnation(folder: &Path, clock: &dyn Clock) -> io::Result<u64> {
    let path = folder.join("incarnation");
    let stored: u64 = match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().unwrap_or(0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let now = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
    let next = now.max(stored + 1);
    write_whole(&path, next.to_string().as_bytes())?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chiffon_process::{RandomIds, SystemClock};

    fn open(folder: &Path) -> Result<Journal, Problem> {
        Journal::open(folder, &SystemClock, &RandomIds)
    }

    #[test]
    fn a_journal_has_one_holder_and_names_it_to_the_second() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = open(folder.path()).expect("opens");
        let problem = open(folder.path()).expect_err("is held");
        assert_eq!(problem.code, ErrorCode::JournalUnavailable);
        assert!(problem.message.contains(&format!("process {}", std::process::id())), "{}", problem.message);
        assert!(problem.message.contains(&folder.path().display().to_string()), "{}", problem.message);
        let (id, incarnation) = (first.id(), first.incarnation());
        drop(first);
        let second = open(folder.path()).expect("opens again");
        assert_eq!(second.id(), id);
        assert!(second.incarnation() > incarnation);
    }

    #[test]
    fn a_clock_that_went_back_does_not_take_the_incarnation_back() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(open(folder.path()).expect("opens"));
        std::fs::write(folder.path().join("journal/incarnation"), "99999999999999").expect("writes");
        assert_eq!(open(folder.path()).expect("opens").incarnation(), 100_000_000_000_000);
    }
}

//! What makes a journal one: a lock that one process holds, an id, and the number of this start.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use chiffon_process::{Clock, IdSource};
use chiffon_protocol::{ErrorCode, Problem};
use nix::fcntl::{Flock, FlockArg};
use uuid::Uuid;

use super::files::write_whole;

/// Takes the lock; fails with 5402 and the holder's process id.
pub(super) fn take_lock(folder: &Path) -> Result<Flock<File>, Problem> {
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

/// The journal's id, made at the first start.
pub(super) fn identity(folder: &Path, ids: &dyn IdSource) -> io::Result<Uuid> {
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

/// A number that is larger than that of each start before.
pub(super) fn next_incarnation(folder: &Path, clock: &dyn Clock) -> io::Result<u64> {
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
    use super::super::Journal;
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

//! What an agent's journal holds, seen from outside.

use std::fs::File;
use std::path::Path;

use chiffon_testkit::until;
use nix::fcntl::{Flock, FlockArg};

use crate::running::PATIENCE;

/// The attempts that stand in the journal.
///
/// # Panics
/// When there is no journal.
pub fn journalled(data_dir: &Path) -> Vec<String> {
    let attempts = chiffon_worker::journalled(data_dir).expect("there is a journal");
    attempts.into_iter().map(|(task_id, attempt, _)| format!("{task_id}.{attempt}")).collect()
}

/// Waits until everything is reported.
pub async fn journal_is_empty(data_dir: &Path) {
    let asked = async || {
        let left = journalled(data_dir);
        if left.is_empty() { Ok(()) } else { Err(left) }
    };
    until("an empty journal", PATIENCE, asked).await;
}

/// Waits until nobody holds the journal any more.
pub async fn journal_is_free(data_dir: &Path) {
    let asked = async || {
        let lock = File::open(data_dir.join("journal/lock")).map_err(|error| error.to_string())?;
        Flock::lock(lock, FlockArg::LockExclusiveNonblock).map(drop).map_err(|(_, error)| error.to_string())
    };
    until("the killed worker to be gone", PATIENCE, asked).await;
}

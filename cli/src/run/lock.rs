//! The lock that keeps a second Chiffon out of a data directory.

use std::fs::File;
use std::time::{Duration, Instant};

use chiffon_protocol::{ErrorCode, Problem};
use nix::fcntl::{Flock, FlockArg};

use crate::data_dir::DataDir;
use crate::exit::Failure;

/// How long a Chiffon that was killed may be on its way out: the kernel gives its lock back at the end of it.
const DIES_WITHIN: Duration = Duration::from_secs(2);
const LOOKED_AT_EVERY: Duration = Duration::from_millis(50);

/// Takes it, or says who has it: at once where nobody does, after a moment where somebody stays.
pub async fn lock(data_dir: &DataDir) -> Result<Flock<File>, Failure> {
    let began = Instant::now();
    loop {
        match now(data_dir)? {
            Some(lock) => return Ok(lock),
            None if began.elapsed() < DIES_WITHIN => tokio::time::sleep(LOOKED_AT_EVERY).await,
            None => return Err(in_use(data_dir)),
        }
    }
}

/// Takes it; `None` where somebody has it.
pub fn now(data_dir: &DataDir) -> Result<Option<Flock<File>>, Failure> {
    let root = data_dir.root();
    let unusable = |error: std::io::Error| {
        let why = if root.is_file() { "it is a file".to_owned() } else { error.to_string() };
        let text = format!("the data directory {} can't be used: {why}; choose another with --data-dir", root.display());
        Failure::from(Problem::new(ErrorCode::DataDirUnusable, text))
    };
    std::fs::create_dir_all(root).map_err(unusable)?;
    let file = File::options().create(true).truncate(false).write(true).open(data_dir.lock()).map_err(unusable)?;
    Ok(Flock::lock(file, FlockArg::LockExclusiveNonblock).ok())
}

fn in_use(data_dir: &DataDir) -> Failure {
    let url = std::fs::read_to_string(data_dir.url()).unwrap_or_default();
    let place = if url.trim().is_empty() { String::new() } else { format!(" (at {})", url.trim()) };
    Problem::new(ErrorCode::AlreadyRunning, format!("another Chiffon uses {}{place}", data_dir.root().display())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_whose_holder_is_on_its_way_out_is_waited_for_and_one_that_stays_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = DataDir::choose(Some(folder.path())).expect("a place");
        let first = lock(&data_dir).await.expect("nobody has it");
        let refused = lock(&data_dir).await.expect_err("it is held all the time").message;
        assert!(refused.contains("another Chiffon uses") && refused.contains("5905"), "{refused}");
        // The second has looked once by the time that the first one goes.
        let (second, ()) = tokio::join!(lock(&data_dir), async { drop(first) });
        assert!(second.is_ok(), "{second:?}");
    }
}

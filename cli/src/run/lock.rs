//! The lock that keeps a second Chiffon out of a data directory.

use std::fs::File;

use chiffon_protocol::{ErrorCode, Problem};
use nix::fcntl::{Flock, FlockArg};

use crate::data_dir::DataDir;
use crate::exit::Failure;

/// Takes it, or says who has it.
pub fn lock(data_dir: &DataDir) -> Result<Flock<File>, Failure> {
    let root = data_dir.root();
    let unusable = |error: std::io::Error| {
        let why = if root.is_file() { "it is a file".to_owned() } else { error.to_string() };
        let text = format!("the data directory {} can't be used: {why}; choose another with --data-dir", root.display());
        Failure::from(Problem::new(ErrorCode::DataDirUnusable, text))
    };
    std::fs::create_dir_all(root).map_err(unusable)?;
    let file = File::options().create(true).truncate(false).write(true).open(data_dir.lock()).map_err(unusable)?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
        let url = std::fs::read_to_string(data_dir.url()).unwrap_or_default();
        let place = if url.trim().is_empty() { String::new() } else { format!(" (at {})", url.trim()) };
        Problem::new(ErrorCode::AlreadyRunning, format!("another Chiffon uses {}{place}", root.display())).into()
    })
}

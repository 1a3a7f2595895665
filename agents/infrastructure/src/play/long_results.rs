//! Results that are too long for one event: a callback of ours shortens what callbacks are given of them, so that what became of the
//! task, and the beginning of what it printed, are told all the same.

use std::io;
use std::path::Path;

const CALLBACK: &str = include_str!("chiffon_shorten.py");

/// Puts the callback into the scratch folder, beside the others.
pub(super) fn prepare(scratch: &Path) -> io::Result<()> {
    let folder = scratch.join("callback");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("chiffon_shorten.py"), CALLBACK)
}

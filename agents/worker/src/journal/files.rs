//! Files that are whole or not there, also after a power cut.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

/// Replaces the file at `path` by these bytes; when it returns they are on the disk under that name.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    std::fs::rename(&draft, path)?;
    sync_folder(path.parent().unwrap_or(Path::new("/")))
}

/// Makes renames and new names in a folder survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

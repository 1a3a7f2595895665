//! Folders and files that others on the machine can't read, whatever the umask is.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Every right of those who are neither the owner nor in the group.
const OTHERS: u32 = 0o007;

/// Makes a folder, and what is missing above it, for its owner alone. One that is there loses what others may do in it.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    close(path)
}

/// Takes from others what they may do with a file or in a folder.
pub fn close(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & OTHERS == 0 { Ok(()) } else { fs::set_permissions(path, Permissions::from_mode(mode & 0o7777 & !OTHERS)) }
}

/// A new file for its owner alone; one that is there already is an error.
pub fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes a file that others can't read; one that is there is replaced in place, and closed to them.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    close(path)?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn what_is_new_is_its_owners_and_what_was_open_is_closed_to_others() {
        let root = tempfile::tempdir().expect("a folder");
        let (made, open) = (root.path().join("a/b"), root.path().join("open"));
        folder(&made).expect("made");
        assert_eq!((mode(&made), mode(&root.path().join("a"))), (0o700, 0o700));
        fs::create_dir(&open).expect("made");
        fs::set_permissions(&open, Permissions::from_mode(0o755)).expect("opened");
        folder(&open).expect("closed");
        assert_eq!(mode(&open), 0o750);
        let file = made.join("file");
        fs::write(&file, "old").expect("written");
        fs::set_permissions(&file, Permissions::from_mode(0o666)).expect("opened");
        write(&file, b"new").expect("written");
        assert_eq!((mode(&file), fs::read(&file).expect("reads")), (0o660, b"new".to_vec()));
        create_new(&made.join("new")).expect("made");
        assert_eq!(mode(&made.join("new")), 0o600);
        assert_eq!(create_new(&file).expect_err("it is there").kind(), io::ErrorKind::AlreadyExists);
    }
}

//! Secrets in files of mode 0600: written once, whole or not at all.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Reads the secret at `path`, or writes what `make` gives there first. Safe against two processes that start together:
/// whoever creates the file wins, and both read the same.
pub fn read_or_create(path: &Path, make: impl FnOnce() -> String) -> io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let secret = make();
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    write_private(&draft, &secret)?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok(secret),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(std::fs::read_to_string(path)?.trim().to_owned()),
        Err(error) => Err(error),
    }
}

/// Writes a file that only its owner can read, synced to disk. An existing one is replaced; whoever reads meanwhile finds the one or the
/// other, whole.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = writeln!(file, "{text}").and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&draft, path));
    if written.is_err() {
        std::fs::remove_file(&draft).ok();
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_while_it_is_replaced_finds_it_whole() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("url");
        write_private(&path, "http://127.0.0.1:0").expect("written");
        let reader = std::thread::spawn({
            let path = path.clone();
            move || (0..2_000).all(|_| std::fs::read_to_string(&path).is_ok_and(|text| text.ends_with(":0\n")))
        });
        for _ in 0..50 {
            write_private(&path, "http://127.0.0.1:0").expect("written");
        }
        assert!(reader.join().expect("it reads"), "it was gone, or only partly there");
        assert_eq!(std::fs::read_dir(root.path()).expect("reads").count(), 1, "no draft is left");
    }
}

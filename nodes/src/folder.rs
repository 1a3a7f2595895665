//! Folders and private files of a node: made so that the server's user reaches them and nobody else reads them.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use crate::NodeError;
use crate::account::{Account, is_root};

/// Makes the folder and what is missing above it, and gives its canonical path.
///
/// Nothing is made when the account can't pass through a folder that is already there.
pub(crate) fn prepare(dir: &Path, account: Option<&Account>) -> Result<PathBuf, NodeError> {
    let dir = std::path::absolute(dir).map_err(NodeError::folder(dir))?;
    let existing = dir.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let existing = existing.canonicalize().map_err(NodeError::folder(existing))?;
    check_entry(&dir, &existing, account)?;
    let missing: Vec<&Path> = dir.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        fs::create_dir(folder).map_err(NodeError::folder(folder))?;
        // Whatever the umask says: the server's user passes through, and can't list.
        fs::set_permissions(folder, Permissions::from_mode(0o711)).map_err(NodeError::folder(folder))?;
    }
    dir.canonicalize().map_err(NodeError::folder(&dir))
}

fn check_entry(dir: &Path, existing: &Path, account: Option<&Account>) -> Result<(), NodeError> {
    let Some(account) = account else { return Ok(()) };
    let mut way: Vec<&Path> = existing.ancestors().collect();
    way.reverse();
    for folder in way {
        let metadata = fs::metadata(folder).map_err(NodeError::folder(folder))?;
        if !account.may_enter(&metadata) {
            return Err(NodeError::NotTraversable { dir: dir.to_owned(), blocking: folder.to_owned(), user: account.name().to_owned() });
        }
    }
    Ok(())
}

/// Makes a folder that only its owner enters, owned by the account; an existing one is kept.
pub(crate) fn private(dir: &Path, account: Option<&Account>) -> Result<(), NodeError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        other => other.map_err(NodeError::folder(dir))?,
    }
    match account {
        Some(account) => account.own(dir),
        None => Ok(()),
    }
}

/// Closes an existing folder to everybody but the account.
pub(crate) fn make_private(dir: &Path, account: Option<&Account>) -> Result<(), NodeError> {
    fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(NodeError::folder(dir))?;
    private(dir, account)
}

/// Writes a file that only its owner reads; whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), NodeError> {
    let unfinished = path.with_extension("unfinished");
    File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| {
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(text.as_bytes())
        })
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(NodeError::folder(path))
}

/// A number kept in a file, as ports are.
pub(crate) fn read_number(path: &Path) -> Option<u16> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// A short folder for the sockets of the node in `dir`, empty, entered by nobody but the account.
///
/// A socket's address takes 107 bytes, so it can't stand under a deep data directory.
pub(crate) fn runtime(dir: &Path, account: Option<&Account>) -> Result<PathBuf, NodeError> {
    let runtime = runtime_path(dir);
    if let Ok(found) = fs::symlink_metadata(&runtime) {
        let owner = found.uid();
        let ours = owner == geteuid().as_raw() || account.is_some_and(|account| account.uid() == owner);
        if !found.is_dir() || !ours {
            let taken = std::io::Error::other("it belongs to another user");
            return Err(NodeError::FolderUnusable { path: runtime, source: taken });
        }
        fs::remove_dir_all(&runtime).map_err(NodeError::folder(&runtime))?;
    }
    private(&runtime, account)?;
    Ok(runtime)
}

/// The path of [`runtime`], the same for the same node each time.
pub(crate) fn runtime_path(dir: &Path) -> PathBuf {
    let system = Path::new("/run");
    let base = if is_root() && system.is_dir() { system.to_owned() } else { session_runtime().unwrap_or_else(|| "/tmp".into()) };
    base.join(format!("chiffon-{:016x}", fingerprint(dir.as_os_str().as_encoded_bytes())))
}

#[expect(clippy::disallowed_methods, reason = "where the session keeps its sockets; this crate has no configuration")]
fn session_runtime() -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var("XDG_RUNTIME_DIR").ok()?);
    (!is_root() && dir.is_absolute() && dir.is_dir()).then_some(dir)
}

/// FNV-1a: stable over versions of the compiler, which the standard library's hasher is not.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_folder_is_short_private_and_the_same_each_time() {
        let dir = Path::new("/somewhere/deep/postgres");
        let first = runtime(dir, None).expect("made");
        assert_eq!(runtime(dir, None).expect("made again"), first);
        assert!(first.as_os_str().len() < 60, "{}", first.display());
        assert_eq!(first.metadata().expect("there").mode() & 0o777, 0o700);
        fs::remove_dir(&first).expect("it is empty");
    }

    #[test]
    fn a_link_in_the_place_of_a_runtime_folder_is_refused() {
        let dir = Path::new("/somewhere/else/postgres");
        let path = runtime_path(dir);
        std::os::unix::fs::symlink("/etc", &path).expect("a link");
        let refused = runtime(dir, None);
        fs::remove_file(&path).expect("the link is still there");
        assert!(matches!(refused, Err(NodeError::FolderUnusable { .. })), "{refused:?}");
    }
}

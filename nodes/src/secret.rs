//! Random bytes from the kernel: passwords of nodes, and where to begin looking for a free port.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::{NodeError, folder};

/// `N` random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NodeError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; N];
    File::open(source).and_then(|mut file| file.read_exact(&mut bytes)).map_err(NodeError::folder(source))?;
    Ok(bytes)
}

/// A node's password. It stands in URLs and private files, and in no log.
#[derive(Clone)]
pub(crate) struct Password(String);

impl Password {
    /// Its text.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// The password in this file, mode 0600; a new one when there is no file.
pub(crate) fn password(path: &Path) -> Result<Password, NodeError> {
    if let Ok(text) = std::fs::read_to_string(path)
        && !text.trim().is_empty()
    {
        return Ok(Password(text.trim().to_owned()));
    }
    let mut text = String::new();
    for byte in random::<16>()? {
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    folder::write_private(path, &text)?;
    Ok(Password(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_kept_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("password");
        let first = password(&path).expect("made");
        assert_eq!(first.reveal().len(), 32);
        assert_eq!(password(&path).expect("read").reveal(), first.reveal());
        assert_eq!(format!("{first:?}"), "(hidden)");
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    }
}

//! The key of the digests of host variables: made once in the agent's folder, read by its owner only, and sent nowhere.
//!
//! Agents that work on the same hosts compare each other's previews when they have the same file.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use chiffon_protocol::canonical;
use sha2::{Digest as _, Sha256};

use super::content_hash::read_regular;

const FILE: &str = "variables.key";
/// Bytes of a key.
const LENGTH: usize = 32;
/// No key is longer.
const LONGEST_BYTES: u64 = 4096;

/// The key.
#[derive(Clone)]
pub(super) struct VariablesKey {
    secret: String,
}

impl std::fmt::Debug for VariablesKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "VariablesKey({})", self.id())
    }
}

impl VariablesKey {
    /// The key of this folder, made where there is none.
    pub(super) fn in_folder(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(FILE);
        match read_regular(&path, LONGEST_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            read => {
                let secret = read?.trim().to_owned();
                let is_long = secret.len() >= LENGTH;
                return if is_long { Ok(Self { secret }) } else { Err(io::Error::other("is no key; remove it")) };
            }
        }
        let mut bytes = [0; LENGTH];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let secret = canonical::hex(&bytes);
        std::fs::create_dir_all(data_dir)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match file.and_then(|mut file| file.write_all(secret.as_bytes())) {
            // Another run of this agent was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::in_folder(data_dir),
            made => made.map(|()| Self { secret }),
        }
    }

    /// What the digests are made with.
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    /// Tells keys apart, and nothing of them.
    pub(super) fn id(&self) -> String {
        let mut id = canonical::hex(&Sha256::digest(format!("id of {}", self.secret)));
        id.truncate(16);
        id
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = VariablesKey::in_folder(folder.path()).expect("a key");
        assert_eq!(VariablesKey::in_folder(folder.path()).expect("the key").id(), key.id());
        let mode = std::fs::metadata(folder.path().join(FILE)).expect("is there").permissions().mode();
        assert_eq!((mode & 0o777, key.secret().len()), (0o600, 64));
        assert!(!format!("{key:?}").contains(key.secret()));
    }
}

//! Objects that are whole, and no others.
//!
//! libgit2 1.9 trusts the files it reads: a cut or changed object may keep it busy for ever
//! (<https://github.com/libgit2/libgit2/issues/7342>), be written beyond its buffer
//! (<https://github.com/libgit2/libgit2/issues/7177>), and a changed index of a pack ends the process. A disk that loses a byte
//! must do neither to an orchestrator. So each file is read here first, by code that trusts nothing, and libgit2 is given only
//! what has the name or the checksum that it should have.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::ZlibDecoder;
use git2::{Blob, Commit, Error, ErrorClass, ErrorCode, Oid, Repository, Tree};
use sha1::{Digest as _, Sha1};

/// How many bytes of checksum a pack and what belongs to it end with: <https://git-scm.com/docs/gitformat-pack>.
const CHECKSUM: usize = 20;

/// The objects of an opened repository, each looked at before libgit2 reads it.
pub(super) struct Objects<'r> {
    repository: &'r Repository,
}

#[expect(clippy::disallowed_methods, reason = "this is where objects are looked at first")]
impl<'r> Objects<'r> {
    pub(super) fn of(repository: &'r Repository) -> Self {
        Self { repository }
    }

    pub(super) fn commit(&self, id: Oid) -> Result<Commit<'r>, Error> {
        self.must_be_whole(id)?;
        self.repository.find_commit(id)
    }

    pub(super) fn tree(&self, id: Oid) -> Result<Tree<'r>, Error> {
        self.must_be_whole(id)?;
        self.repository.find_tree(id)
    }

    pub(super) fn blob(&self, id: Oid) -> Result<Blob<'r>, Error> {
        self.must_be_whole(id)?;
        self.repository.find_blob(id)
    }

    /// What stands at a path below a tree. Every folder on the way is looked at, so that libgit2 can go that way, too.
    pub(super) fn at(&self, base: &Tree<'_>, path: &str) -> Result<Option<Oid>, Error> {
        let (name, below) = path.split_once('/').map_or((path, None), |(name, below)| (name, Some(below)));
        let Some(id) = base.get_name(name).map(|entry| entry.id()) else { return Ok(None) };
        match below {
            Some(below) => self.at(&self.tree(id)?, below),
            None => Ok(Some(id)),
        }
    }

    fn must_be_whole(&self, id: Oid) -> Result<(), Error> {
        self.look(id).map_err(|why| {
            let message = format!("the git object {id} is damaged: {why}; fetch it from a backup or a clone");
            Error::new(ErrorCode::Invalid, ErrorClass::Odb, message)
        })
    }

    /// Whether an object is what its name says, or why not. Its name is the SHA-1 of its kind, its size and its content, which are
    /// what its file holds, deflated. What lies in a pack is covered by the pack's checksum ([`damaged_pack`]).
    pub(super) fn look(&self, id: Oid) -> Result<(), String> {
        let name = id.to_string();
        let (folder, file) = name.split_at(2);
        match std::fs::read(self.repository.path().join("objects").join(folder).join(file)) {
            Ok(deflated) => is_whole(id, &deflated),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn is_whole(id: Oid, deflated: &[u8]) -> Result<(), String> {
    let mut decoder = ZlibDecoder::new(deflated);
    let mut content = Vec::new();
    decoder.read_to_end(&mut content).map_err(|error| format!("its file can't be inflated: {error}"))?;
    if Sha1::digest(&content)[..] != *id.as_bytes() {
        return Err("its content is not what its name says".to_owned());
    }
    let end = content.iter().position(|byte| *byte == 0);
    let size = end.and_then(|end| std::str::from_utf8(&content[..end]).ok()?.split_once(' ')?.1.parse().ok());
    if end.zip(size).is_none_or(|(end, size): (usize, usize)| content.len() != end + 1 + size) {
        return Err("its size is not what its header says".to_owned());
    }
    if decoder.total_in() != deflated.len() as u64 {
        return Err("its file goes on behind it".to_owned());
    }
    Ok(())
}

/// A pack, or a file that belongs to packs, whose content is not what its checksum says; and why.
pub(super) fn damaged_pack(repository: &Path) -> Option<(PathBuf, String)> {
    let objects = repository.join("objects");
    let folders = [objects.join("pack"), objects.join("info"), objects.join("info/commit-graphs")];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten()).map(|entry| entry.path());
    let has_checksum = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        matches!(extension, "pack" | "idx" | "rev" | "bitmap" | "mtimes" | "graph") || matches!(name, "multi-pack-index" | "commit-graph")
    };
    files.filter(has_checksum).find_map(|path| {
        let why = match std::fs::read(&path) {
            Ok(bytes) if has_its_checksum(&bytes) => return None,
            Ok(_) => "its content is not what its checksum says".to_owned(),
            Err(error) => error.to_string(),
        };
        Some((path, why))
    })
}

fn has_its_checksum(bytes: &[u8]) -> bool {
    bytes.split_last_chunk::<CHECKSUM>().is_some_and(|(content, checksum)| Sha1::digest(content)[..] == *checksum)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use git2::ObjectType;

    use super::*;

    fn deflated(content: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_cut_and_a_flipped_bit_are_seen() {
        let content = b"host: nas\nport: 3001\n";
        let id = Oid::hash_object(ObjectType::Blob, content).unwrap();
        let good = deflated(&[b"blob 21\0", content.as_slice()].concat());
        assert_eq!(is_whole(id, &good), Ok(()));
        for len in 0..good.len() {
            assert!(is_whole(id, &good[..len]).is_err(), "cut to {len} bytes");
        }
        let mut unseen = 0;
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            if is_whole(id, &bad).is_ok() {
                let mut read = Vec::new();
                ZlibDecoder::new(bad.as_slice()).read_to_end(&mut read).unwrap();
                assert!(read.ends_with(content), "bit {bit}");
                unseen += 1;
            }
        }
        assert!(unseen < 8, "only what fills the last byte up says nothing: {unseen} bits");
        assert!(is_whole(id, &[good.as_slice(), b"x"].concat()).is_err(), "something behind it");
    }

    #[test]
    fn a_header_that_says_another_size_is_seen() {
        let content = b"blob 3\0longer than that";
        let id = Oid::from_bytes(&Sha1::digest(content)).unwrap();
        assert_eq!(is_whole(id, &deflated(content)), Err("its size is not what its header says".to_owned()));
    }
}

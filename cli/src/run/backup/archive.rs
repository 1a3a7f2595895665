//! The one file of a backup: a tar, the manifest first, that only its owner reads; whole or not there.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use chiffon_protocol::canonical;
use sha2::{Digest as _, Sha256};

use super::manifest::{Manifest, Part, damaged, failed};
use crate::exit::Failure;

const MANIFEST: &str = "manifest.json";
const PRIVATE: u32 = 0o600;

/// A file that goes into a backup, by its name there.
pub type Named = (String, PathBuf);

/// Sizes and hashes of files.
pub fn parts(files: &[Named]) -> Result<Vec<Part>, Failure> {
    files
        .iter()
        .map(|(name, path)| {
            let (bytes, sha256) = digest(path).map_err(|error| failed(&format!("{} can't be read", path.display()), error))?;
            Ok(Part { name: name.clone(), bytes, sha256 })
        })
        .collect()
}

/// Writes a backup: first beside its place, then there.
pub fn write(to: &Path, manifest: &Manifest, files: &[Named]) -> Result<(), Failure> {
    let unfinished = to.with_added_extension("unfinished");
    let written = write_all(&unfinished, manifest, files).and_then(|()| std::fs::rename(&unfinished, to));
    written.map_err(|error| {
        std::fs::remove_file(&unfinished).ok();
        failed(&format!("{} can't be written", to.display()), error)
    })
}

fn write_all(to: &Path, manifest: &Manifest, files: &[Named]) -> std::io::Result<()> {
    let file = File::options().write(true).create(true).truncate(true).mode(PRIVATE).open(to)?;
    let mut archive = tar::Builder::new(BufWriter::new(file));
    let text = serde_json::to_vec_pretty(manifest)?;
    let time = manifest.made_at.timestamp().unsigned_abs();
    archive.append_data(&mut header(text.len() as u64, time), MANIFEST, text.as_slice())?;
    for (part, (name, path)) in manifest.parts.iter().zip(files) {
        // No more than was hashed, whatever somebody does to the file meanwhile.
        archive.append_data(&mut header(part.bytes, time), name, File::open(path)?.take(part.bytes))?;
    }
    let mut file = archive.into_inner()?;
    file.flush()?;
    file.get_ref().sync_all()
}

fn header(bytes: u64, time: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(PRIVATE);
    header.set_mtime(time);
    header
}

/// Unpacks a backup into a private folder and checks every part.
pub fn open(file: &Path, into: &Path) -> Result<Manifest, Failure> {
    let opened = File::open(file).map_err(|error| failed(&format!("{} can't be read", file.display()), error))?;
    let mut archive = tar::Archive::new(BufReader::new(opened));
    let mut entries = archive.entries().map_err(damaged)?;
    let first = entries.next().ok_or_else(|| damaged("it is empty"))?;
    let mut first = first.map_err(|_| damaged(format!("{} is no archive", file.display())))?;
    if first.path().map_err(damaged)?.as_ref() != Path::new(MANIFEST) {
        return Err(damaged("it has no manifest"));
    }
    let mut text = Vec::new();
    first.read_to_end(&mut text).map_err(damaged)?;
    let manifest = Manifest::read(&text)?;
    let mut expected = manifest.parts.iter();
    for entry in entries {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.to_string_lossy().into_owned();
        let part = expected
            .next()
            .filter(|part| part.name == name && is_plain(&name))
            .ok_or_else(|| damaged(format!("{name} is not in its manifest")))?;
        unpack(&mut entry, &into.join(&part.name)).map_err(|error| damaged(format!("{name}: {error}")))?;
        check(part, &into.join(&part.name))?;
    }
    match expected.next() {
        Some(part) => Err(damaged(format!("{} is missing", part.name))),
        None => Ok(manifest),
    }
}

/// Names in an archive never lead out of the folder that it is unpacked into.
fn is_plain(name: &str) -> bool {
    Path::new(name).components().all(|component| matches!(component, Component::Normal(_)))
}

fn unpack(entry: &mut impl std::io::Read, to: &Path) -> std::io::Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = File::options().write(true).create_new(true).mode(PRIVATE).open(to)?;
    std::io::copy(entry, &mut file).map(drop)
}

fn check(part: &Part, path: &Path) -> Result<(), Failure> {
    let (bytes, sha256) = digest(path).map_err(|error| failed(&format!("{} can't be read", path.display()), error))?;
    if (bytes, &sha256) == (part.bytes, &part.sha256) {
        return Ok(());
    }
    Err(damaged(format!(
        "{} is not what its manifest says (sha256 {sha256}, {bytes} bytes; {} and {} were written)",
        part.name, part.sha256, part.bytes
    )))
}

fn digest(path: &Path) -> std::io::Result<(u64, String)> {
    let mut file = BufReader::new(File::open(path)?);
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1024 * 1024];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, canonical::hex(&hash.finalize())));
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
}

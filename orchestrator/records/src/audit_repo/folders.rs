//! Folders of a tree in memory: opened where something is to change, and written when a commit wants them. Many commits that follow one
//! another read each folder once, and write of each commit only what it has changed.

use std::collections::BTreeMap;

use git2::{Error, FileMode, ObjectType, Odb, Oid};

use super::objects::Objects;

/// What stands in a folder.
#[derive(Debug)]
enum Entry {
    /// A file, or whatever else is no folder, with its mode.
    File(i32, Oid),
    /// A folder that nobody has opened.
    Closed(Oid),
    /// One that has been.
    Open(Folder),
}

/// An opened folder.
#[derive(Debug, Default)]
pub(super) struct Folder {
    entries: BTreeMap<String, Entry>,
    /// Its tree, unless it was changed since.
    written: Option<Oid>,
}

impl Folder {
    /// The folder of a tree.
    pub(super) fn read(objects: &Objects<'_>, id: Oid) -> Result<Self, Error> {
        let tree = objects.tree(id)?;
        let mut entries = BTreeMap::new();
        for entry in &tree {
            let name = entry.name().map_err(|_| Error::from_str("the audit repository holds a file whose name is no text"))?;
            let found = match entry.kind() {
                Some(ObjectType::Tree) => Entry::Closed(entry.id()),
                _ => Entry::File(entry.filemode_raw(), entry.id()),
            };
            entries.insert(name.to_owned(), found);
        }
        Ok(Self { entries, written: Some(id) })
    }

    /// Puts a file at a path below, or takes away what is there, and folders that hold nothing then.
    pub(super) fn set(&mut self, objects: &Objects<'_>, path: &str, blob: Option<Oid>) -> Result<(), Error> {
        let Some((name, below)) = path.split_once('/') else {
            match blob {
                Some(blob) => drop(self.entries.insert(path.to_owned(), Entry::File(FileMode::Blob.into(), blob))),
                None if self.entries.remove(path).is_none() => return Ok(()),
                None => {}
            }
            self.written = None;
            return Ok(());
        };
        let folder = match self.entries.get_mut(name) {
            Some(Entry::Open(folder)) => folder,
            Some(found @ Entry::Closed(_)) => {
                if let Entry::Closed(id) = *found {
                    *found = Entry::Open(Self::read(objects, id)?);
                }
                return self.set(objects, path, blob);
            }
            Some(Entry::File(..)) | None if blob.is_none() => return Ok(()),
            Some(Entry::File(..)) | None => {
                self.entries.insert(name.to_owned(), Entry::Open(Self::default()));
                return self.set(objects, path, blob);
            }
        };
        folder.set(objects, below, blob)?;
        let (is_changed, is_empty) = (folder.written.is_none(), folder.entries.is_empty());
        if is_empty {
            self.entries.remove(name);
        }
        if is_changed || is_empty {
            self.written = None;
        }
        Ok(())
    }

    /// Writes it, with the folders below that were changed; its tree.
    pub(super) fn write(&mut self, odb: &Odb<'_>) -> Result<Oid, Error> {
        if let Some(written) = self.written {
            return Ok(written);
        }
        let mut entries = Vec::with_capacity(self.entries.len());
        for (name, entry) in &mut self.entries {
            entries.push(match entry {
                Entry::File(mode, id) => (name.clone(), format!("{mode:o} {name}\0"), *id),
                Entry::Closed(id) => (format!("{name}/"), format!("40000 {name}\0"), *id),
                Entry::Open(folder) => (format!("{name}/"), format!("40000 {name}\0"), folder.write(odb)?),
            });
        }
        // A folder stands where its name with a slash would: https://git-scm.com/docs/git-mktree.
        entries.sort_by(|(one, ..), (other, ..)| one.as_bytes().cmp(other.as_bytes()));
        let mut bytes = Vec::with_capacity(entries.len() * 64);
        for (_, head, id) in entries {
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(id.as_bytes());
        }
        let id = odb.write(ObjectType::Tree, &bytes)?;
        self.written = Some(id);
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use git2::Repository;
    use git2::build::TreeUpdateBuilder;

    use super::*;

    /// The tree that libgit2 makes of the same changes.
    #[expect(clippy::disallowed_methods, reason = "these objects were written a moment ago")]
    fn by_libgit2(repository: &Repository, base: Oid, changes: &[(&str, Option<Oid>)]) -> Oid {
        let base = repository.find_tree(base).unwrap();
        let mut update = TreeUpdateBuilder::new();
        for (path, blob) in changes {
            match blob {
                Some(blob) => drop(update.upsert(*path, *blob, FileMode::Blob)),
                None => drop(update.remove(*path)),
            }
        }
        update.create_updated(repository, &base).unwrap()
    }

    #[test]
    fn trees_are_those_that_libgit2_makes() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        let objects = Objects::of(&repository);
        let odb = repository.odb().unwrap();
        let blob = |text: &str| Some(repository.blob(text.as_bytes()).unwrap());
        let mut base = repository.treebuilder(None).unwrap().write().unwrap();
        let mut kept = Folder::read(&objects, base).unwrap();
        let steps: [&[(&str, Option<Oid>)]; 6] = [
            &[("hosts/nas/kuma.yml", blob("1")), ("a.txt", blob("2"))],
            // Sorted otherwise by their bytes: `a` the folder stands behind `a.txt`, `a-b` before it.
            &[("a/b/c", blob("3")), ("a-b", blob("4")), ("a0", blob("5"))],
            &[("hosts/nas/kuma.yml", blob("6")), ("hosts/web/kuma.yml", blob("7"))],
            &[("hosts/nas/kuma.yml", None)],
            &[("a/b/c", None)],
            &[("hosts/web/unfinished/kuma.yml", blob("8"))],
        ];
        for changes in steps {
            let wanted = by_libgit2(&repository, base, changes);
            let mut fresh = Folder::read(&objects, base).unwrap();
            for (path, blob) in changes {
                kept.set(&objects, path, *blob).unwrap();
                fresh.set(&objects, path, *blob).unwrap();
            }
            assert_eq!((kept.write(&odb).unwrap(), fresh.write(&odb).unwrap()), (wanted, wanted), "{changes:?}");
            base = wanted;
        }
        kept.set(&objects, "never/was/there", None).unwrap();
        assert_eq!(kept.write(&odb).unwrap(), base);
    }
}

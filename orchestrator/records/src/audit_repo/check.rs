//! Reading the whole repository again: every object of the branch against its name, every commit against its record.

use std::collections::HashSet;
use std::path::PathBuf;

use git2::{ObjectType, Odb, Oid};

use super::commit::{AuditRepository, CommitPlan, RepositoryError};
use super::objects::{Objects, damaged_pack};

/// A commit as it stands on the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub id: Oid,
    /// The whole message.
    pub message: String,
}

impl Found {
    /// The subject line.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The value of a trailer.
    pub fn trailer(&self, key: &str) -> Option<&str> {
        trailer(&self.message, key)
    }
}

/// The value of a trailer in a commit's message.
pub fn trailer<'m>(message: &'m str, key: &str) -> Option<&'m str> {
    let trailers = message.trim_end().rsplit("\n\n").next()?;
    trailers.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
}

/// An object that is not what its name says, or is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The object's name.
    pub object: Oid,
    /// What it is: a commit, or the path at which a tree or a file stands.
    pub what: String,
    /// The first commit, from the newest, that it was seen in.
    pub commit: Oid,
    /// In words.
    pub why: String,
}

/// What was found on the branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// The commits, newest first.
    pub commits: Vec<Found>,
    /// Objects that are what their names say.
    pub objects: u64,
    /// What is not.
    pub damages: Vec<Damage>,
    /// A pack, or a file that belongs to packs, that is damaged, and how that is known. Then nothing else was read.
    pub damaged_pack: Option<(PathBuf, String)>,
}

impl AuditRepository {
    /// Reads every object that the branch reaches. Damage is a finding; `Err` means that nothing could be looked at.
    pub fn check(&self) -> Result<Walk, RepositoryError> {
        let damaged_pack = damaged_pack(self.path());
        if damaged_pack.is_some() {
            return Ok(Walk { damaged_pack, ..Walk::default() });
        }
        let repository = self.open()?;
        let Some(head) = self.head()? else { return Ok(Walk::default()) };
        let odb = self.wrap(repository.odb())?;
        let mut reader = Reader { objects: Objects::of(&repository), odb, seen: HashSet::new(), walk: Walk::default() };
        let mut next = Some(head);
        while let Some(id) = next {
            next = reader.commit(id);
        }
        Ok(reader.walk)
    }

    /// The commits that the branch has after `known` says yes, newest first: down to the first that is known, or to the root.
    pub fn list_until(&self, known: impl Fn(&Oid) -> bool) -> Result<Vec<Found>, RepositoryError> {
        let repository = self.open()?;
        let objects = Objects::of(&repository);
        let (mut found, mut next) = (Vec::new(), self.head()?);
        while let Some(id) = next.filter(|id| !known(id)) {
            let commit = self.wrap(objects.commit(id))?;
            found.push(Found { id, message: String::from_utf8_lossy(commit.message_bytes()).into_owned() });
            next = commit.parent_id(0).ok();
        }
        Ok(found)
    }

    /// What of a commit is not as it was planned; `None` when it is.
    pub fn differs(&self, id: Oid, plan: &CommitPlan) -> Result<Option<String>, RepositoryError> {
        let repository = self.open()?;
        let objects = Objects::of(&repository);
        let commit = self.wrap(objects.commit(id))?;
        if commit.message_bytes() != plan.message.as_bytes() {
            return Ok(Some("its message".to_owned()));
        }
        if commit.author().name_bytes() != plan.author.as_bytes() || commit.time().seconds() != plan.at.timestamp() {
            return Ok(Some("its author or its time".to_owned()));
        }
        let tree = self.wrap(objects.tree(commit.tree_id()))?;
        for (path, content) in &plan.files {
            let is_as_planned = match (self.wrap(objects.at(&tree, path))?, content) {
                (None, None) => true,
                (Some(found), Some(content)) => self.wrap(objects.blob(found))?.content() == content.as_bytes(),
                (Some(_), None) | (None, Some(_)) => false,
            };
            if !is_as_planned {
                return Ok(Some(format!("its file {path}")));
            }
        }
        Ok(None)
    }
}

struct Reader<'r> {
    objects: Objects<'r>,
    odb: Odb<'r>,
    seen: HashSet<Oid>,
    walk: Walk,
}

impl Reader<'_> {
    /// Reads a commit with all that it holds; its parent, if it has one and can be read.
    fn commit(&mut self, id: Oid) -> Option<Oid> {
        self.object(id, ObjectType::Commit, "the commit", id)?;
        let commit = match self.objects.commit(id) {
            Ok(commit) => commit,
            Err(error) => {
                self.damaged(id, "the commit", id, error.message());
                return None;
            }
        };
        let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
        self.walk.commits.push(Found { id, message });
        self.tree(commit.tree_id(), "", id);
        if commit.parent_count() > 1 {
            self.damaged(id, "the commit", id, "it has two parents, and the scribe never merges");
        }
        commit.parent_id(0).ok()
    }

    fn tree(&mut self, id: Oid, path: &str, commit: Oid) {
        if !self.seen.insert(id) {
            return;
        }
        let shown = if path.is_empty() { "the folder at the top" } else { path };
        if self.object(id, ObjectType::Tree, shown, commit).is_none() {
            return;
        }
        let tree = match self.objects.tree(id) {
            Ok(tree) => tree,
            Err(error) => return self.damaged(id, shown, commit, error.message()),
        };
        for entry in &tree {
            let name = String::from_utf8_lossy(entry.name_bytes());
            let path = if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") };
            if entry.kind() == Some(ObjectType::Tree) {
                self.tree(entry.id(), &path, commit);
            } else if self.seen.insert(entry.id()) {
                self.object(entry.id(), ObjectType::Blob, &path, commit);
            }
        }
    }

    /// Reads an object and computes its name again; `None` when it is damaged.
    fn object(&mut self, id: Oid, kind: ObjectType, what: &str, commit: Oid) -> Option<()> {
        if let Err(why) = self.objects.look(id) {
            self.damaged(id, what, commit, &why);
            return None;
        }
        let read = self.odb.read(id).and_then(|object| Ok((object.kind(), Oid::hash_object(object.kind(), object.data())?)));
        match read {
            Ok((found, name)) if found == kind && name == id => {
                self.walk.objects += 1;
                return Some(());
            }
            Ok(_) => self.damaged(id, what, commit, "its content is not what its name says"),
            Err(error) => self.damaged(id, what, commit, error.message()),
        }
        None
    }

    fn damaged(&mut self, object: Oid, what: &str, commit: Oid, why: &str) {
        self.walk.damages.push(Damage { object, what: what.to_owned(), commit, why: why.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;

    use super::*;

    fn plan(path: &str, content: &str) -> CommitPlan {
        CommitPlan {
            message: format!("infra(1): Write {path}\n\nAsked: x\n\nRequest-Id: r\nRecord-Id: {path}\n"),
            author: "operator".to_owned(),
            at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            files: BTreeMap::from([(path.to_owned(), Some(content.to_owned()))]),
        }
    }

    fn two_commits() -> (tempfile::TempDir, AuditRepository, [Oid; 2]) {
        let folder = tempfile::tempdir().unwrap();
        let repository = AuditRepository::open_or_create(&folder.path().join("audit.git")).unwrap();
        let plans = [plan("hosts/nas/kuma.yml", "port: 3001\n"), plan("hosts/web/kuma.yml", "port: 3002\n")];
        let written = repository.write(&plans, None, || false).unwrap();
        let (first, second) = (written[0], written[1]);
        repository.move_branch(None, first).unwrap();
        repository.move_branch(Some(first), second).unwrap();
        (folder, repository, [first, second])
    }

    fn object_files(repository: &AuditRepository) -> Vec<PathBuf> {
        let folders = std::fs::read_dir(repository.path().join("objects")).unwrap().flatten();
        let folders = folders.filter(|folder| folder.file_name().len() == 2);
        folders.flat_map(|folder| std::fs::read_dir(folder.path()).unwrap().flatten()).map(|file| file.path()).collect()
    }

    #[test]
    fn a_flipped_byte_is_found_in_whatever_object_it_is() {
        let (_folder, repository, [first, second]) = two_commits();
        let whole = repository.check().unwrap();
        assert_eq!(whole.commits.iter().map(|found| found.id).collect::<Vec<_>>(), [second, first]);
        assert_eq!(whole.damages, []);
        let mut flipped = 0;
        for file in object_files(&repository) {
            let good = std::fs::read(&file).unwrap();
            let mut bad = good.clone();
            let middle = bad.len() / 2;
            bad[middle] ^= 1;
            std::fs::remove_file(&file).unwrap();
            std::fs::write(&file, bad).unwrap();
            let name = format!("{}{}", file.parent().unwrap().file_name().unwrap().display(), file.file_name().unwrap().display());
            let damages = repository.check().unwrap().damages;
            std::fs::write(&file, good).unwrap();
            if !name.starts_with("4b825dc6") {
                // Everything but git's empty tree, on which the first commit was built.
                assert_eq!(damages.iter().map(|damage| damage.object.to_string()).collect::<Vec<_>>(), [name], "{damages:?}");
                flipped += 1;
            }
        }
        assert_eq!(flipped, whole.objects);
        assert_eq!(repository.check().unwrap().damages, []);
    }

    /// libgit2 would read some of these for ever, or end the process.
    #[test]
    fn a_file_that_was_cut_is_found_and_read_by_nobody() {
        let (_folder, repository, [first, second]) = two_commits();
        for id in [first, second] {
            let name = id.to_string();
            let file = repository.path().join("objects").join(name.get(..2).unwrap()).join(name.get(2..).unwrap());
            let good = std::fs::read(&file).unwrap();
            std::fs::remove_file(&file).unwrap();
            for len in 0..good.len() {
                std::fs::write(&file, &good[..len]).unwrap();
                let damages = repository.check().unwrap().damages;
                assert_eq!(damages.iter().map(|damage| damage.object).collect::<Vec<_>>(), [id], "cut to {len} bytes");
            }
            let on_top = repository.write(&[plan("hosts/nas/kuma.yml", "port: 1\n")], Some(id), || false).unwrap_err();
            assert!(on_top.to_string().contains(&format!("the git object {id} is damaged: its file can't be inflated")), "{on_top}");
            assert!(repository.differs(id, &plan("hosts/nas/kuma.yml", "port: 3001\n")).is_err());
            assert!(repository.list_until(|_| false).is_err());
            assert!(repository.contains(Oid::ZERO_SHA1).is_err());
            let bundle = repository.path().join("bundle");
            let refused = repository.write_bundle(&bundle).unwrap_err();
            assert!(matches!(refused, RepositoryError::Damaged { .. }) && !bundle.exists(), "{refused}");
            std::fs::write(&file, good).unwrap();
        }
        assert_eq!(repository.check().unwrap().damages, []);
    }

    #[test]
    fn whatever_byte_of_a_pack_or_its_index_is_flipped_it_is_found_and_read_by_nobody() {
        let (folder, repository, [_, second]) = two_commits();
        let bundle = folder.path().join("bundle");
        repository.write_bundle(&bundle).unwrap();
        let path = folder.path().join("packed.git");
        let packed = AuditRepository::from_bundle(&bundle, &path).unwrap();
        assert_eq!(packed.check().unwrap().commits[0].id, second);
        let files: Vec<PathBuf> = std::fs::read_dir(path.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 2, "{files:?}");
        for file in files {
            let good = std::fs::read(&file).unwrap();
            std::fs::remove_file(&file).unwrap();
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 1;
                std::fs::write(&file, bad).unwrap();
                let walk = packed.check().unwrap();
                assert_eq!(walk.damaged_pack.map(|(found, _)| found), Some(file.clone()), "byte {at}");
            }
            let refused = AuditRepository::open_or_create(&path).unwrap_err();
            assert!(matches!(refused, RepositoryError::Damaged { .. }), "{refused}");
            std::fs::write(&file, good).unwrap();
        }
        assert_eq!(packed.check().unwrap(), repository.check().unwrap());
    }

    #[test]
    fn a_commit_that_is_not_as_it_was_planned_says_in_what() {
        let (_folder, repository, [first, second]) = two_commits();
        assert_eq!(repository.differs(first, &plan("hosts/nas/kuma.yml", "port: 3001\n")).unwrap(), None);
        let other = repository.differs(first, &plan("hosts/nas/kuma.yml", "port: 3009\n")).unwrap();
        assert_eq!(other.as_deref(), Some("its file hosts/nas/kuma.yml"));
        let other = repository.differs(second, &plan("hosts/nas/kuma.yml", "port: 3001\n")).unwrap();
        assert_eq!(other.as_deref(), Some("its message"));
        let other = repository.differs(first, &CommitPlan { author: "eve".to_owned(), ..plan("hosts/nas/kuma.yml", "port: 3001\n") });
        assert_eq!(other.unwrap().as_deref(), Some("its author or its time"));
    }

    #[test]
    fn commits_are_listed_down_to_one_that_is_known() {
        let (_folder, repository, [first, second]) = two_commits();
        let new = repository.list_until(|id| *id == first).unwrap();
        assert_eq!(new.iter().map(|found| found.id).collect::<Vec<_>>(), [second]);
        assert_eq!((new[0].trailer("Record-Id"), new[0].trailer("Asked")), (Some("hosts/web/kuma.yml"), None));
        assert_eq!(repository.list_until(|_| false).unwrap().len(), 2);
    }
}

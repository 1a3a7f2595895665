//! Making commits on the repository's one branch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chiffon_process::private;
use chrono::{DateTime, Utc};
use git2::{Commit, ObjectType, Odb, Oid, Repository, RepositoryInitOptions, Signature, Time};

use super::folders::Folder;
use super::objects::{self, Objects};

pub(super) const BRANCH: &str = "refs/heads/main";

const TRIES: u32 = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);
/// Locks older than these belong to nobody.
const LEFT_BY_A_START: Duration = Duration::from_secs(5);
const LEFT_BY_A_WRITER: Duration = Duration::from_mins(1);

/// Why the repository could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// libgit2's words.
    #[error("the audit repository {path}: {source}")]
    Git {
        /// Where it is.
        path: PathBuf,
        /// What went wrong.
        source: git2::Error,
    },
    /// The disk did not take what was written.
    #[error("the audit repository {path} can't be brought to the disk: {source}")]
    Sync {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A bundle can't be written, or what is there is none.
    #[error("the bundle {path}: {source}")]
    Bundle {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of the repository has lost what it held.
    #[error("the audit repository {path}: {what} is damaged: {why}; fetch it from a backup or a clone")]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// The file, or the object.
        what: String,
        /// How that is known.
        why: String,
    },
    /// Another writer moved the branch between reading and writing.
    #[error("another writer has moved the branch of the audit repository {0}")]
    Moved(PathBuf),
}

/// A commit to be made.
#[derive(Debug, Clone)]
pub struct CommitPlan {
    /// The whole message.
    pub message: String,
    /// The author's name.
    pub author: String,
    /// Author and committer time.
    pub at: DateTime<Utc>,
    /// Path to new content; `None` removes the file.
    pub files: BTreeMap<String, Option<String>>,
}

/// The repository. Opened anew for each use, because libgit2's handles belong to one thread.
#[derive(Debug, Clone)]
pub struct AuditRepository {
    path: PathBuf,
}

impl AuditRepository {
    /// The bare repository at `path`, created when it is not there.
    pub fn open_or_create(path: &Path) -> Result<Self, RepositoryError> {
        let this = Self { path: path.to_owned() };
        // One that is there is only opened: making it takes a lock for which orchestrators that start together would race.
        for _ in 0..TRIES {
            if path.join("config").is_file() && Repository::open_bare(path).is_ok() {
                this.check_packs()?;
                this.close_to_others();
                return Ok(this);
            }
            match Repository::init_opts(path, RepositoryInitOptions::new().bare(true).initial_head("main")) {
                Err(error) if error.code() == git2::ErrorCode::Locked => this.take_away_if_left("config.lock", LEFT_BY_A_START),
                made => {
                    this.wrap(made)?;
                    this.close_to_others();
                    return Ok(this);
                }
            }
            std::thread::park_timeout(BETWEEN_TRIES);
        }
        Err(this.error(git2::Error::from_str("another process has been making it for ten seconds")))
    }

    /// Parameters, diffs and people's words are nobody's business but its owner's and its group's: others lose every right on its
    /// folder. One that belongs to somebody else stays as its owner wants it.
    fn close_to_others(&self) {
        if let Err(error) = private::close(&self.path) {
            tracing::warn!(repository = %self.path.display(), %error, "everybody on this machine can read the audit repository");
        }
    }

    /// Removes a lock that a killed process has left: libgit2 holds one for milliseconds.
    fn take_away_if_left(&self, name: &str, older_than: Duration) {
        let lock = self.path.join(name);
        let age = lock.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > older_than) {
            tracing::warn!(lock = %lock.display(), "a killed process has left this lock; it is taken away");
            std::fs::remove_file(&lock).ok();
        }
    }

    /// The bare repository that is at `path`.
    pub fn open_existing(path: &Path) -> Result<Self, RepositoryError> {
        let this = Self { path: path.to_owned() };
        this.check_packs()?;
        this.open()?;
        Ok(this)
    }

    /// Damaged packs end a process that reads them, so nothing begins with them.
    fn check_packs(&self) -> Result<(), RepositoryError> {
        match objects::damaged_pack(&self.path) {
            None => Ok(()),
            Some((file, why)) => Err(self.damaged(file.display().to_string(), why)),
        }
    }

    pub(super) fn damaged(&self, what: String, why: String) -> RepositoryError {
        RepositoryError::Damaged { path: self.path.clone(), what, why }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest commit; `None` before the first.
    pub fn head(&self) -> Result<Option<Oid>, RepositoryError> {
        let repository = self.open()?;
        match repository.find_reference(BRANCH) {
            Ok(reference) => Ok(reference.target()),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(source) => Err(self.error(source)),
        }
    }

    /// Whether a commit is the newest one or among its ancestors.
    pub fn contains(&self, commit: Oid) -> Result<bool, RepositoryError> {
        let repository = self.open()?;
        let Some(head) = self.head()? else { return Ok(false) };
        let objects = Objects::of(&repository);
        let mut next = Some(head);
        while let Some(id) = next {
            if id == commit {
                return Ok(true);
            }
            next = self.wrap(objects.commit(id))?.parent_id(0).ok();
        }
        Ok(false)
    }

    /// Writes commits, the first on top of `parent` and each on the one before, without moving the branch; no more once `is_late` says so
    /// before the next. The same plan on the same parent gives the same id.
    pub fn write(&self, plans: &[CommitPlan], parent: Option<Oid>, is_late: impl Fn() -> bool) -> Result<Vec<Oid>, RepositoryError> {
        let repository = self.open()?;
        let mut commits = Vec::with_capacity(plans.len());
        let mut writer = self.wrap(Writer::begin(&repository, parent))?;
        for plan in plans {
            if !commits.is_empty() && is_late() {
                break;
            }
            commits.push(self.wrap(writer.write(plan))?);
        }
        Ok(commits)
    }

    /// Brings everything that was written to the disk: a settled record must survive a power cut. libgit2 itself syncs only
    /// where a configuration key says so that git calls deprecated, and git would tell every reader.
    pub fn sync(&self) -> Result<(), RepositoryError> {
        let folder = std::fs::File::open(&self.path).map_err(|source| self.unsynced(source))?;
        nix::unistd::syncfs(folder).map_err(|errno| self.unsynced(errno.into()))
    }

    fn unsynced(&self, source: std::io::Error) -> RepositoryError {
        RepositoryError::Sync { path: self.path.clone(), source }
    }

    /// Moves the branch from `expected` to `commit`, or fails with [`RepositoryError::Moved`]. A lock that a killed writer has left
    /// fails once more after a minute, and is gone then: the epoch's holder is the only one who writes.
    pub fn move_branch(&self, expected: Option<Oid>, commit: Oid) -> Result<(), RepositoryError> {
        let repository = self.open()?;
        let moved = match expected {
            Some(expected) => repository.reference_matching(BRANCH, commit, true, expected, "record"),
            None => repository.reference(BRANCH, commit, false, "record"),
        };
        match moved {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.code(), git2::ErrorCode::Modified | git2::ErrorCode::Exists) => {
                Err(RepositoryError::Moved(self.path.clone()))
            }
            Err(source) if source.code() == git2::ErrorCode::Locked => {
                self.take_away_if_left("refs/heads/main.lock", LEFT_BY_A_WRITER);
                Err(self.error(source))
            }
            Err(source) => Err(self.error(source)),
        }
    }

    pub(super) fn open(&self) -> Result<Repository, RepositoryError> {
        self.wrap(Repository::open_bare(&self.path))
    }

    pub(super) fn wrap<T>(&self, result: Result<T, git2::Error>) -> Result<T, RepositoryError> {
        result.map_err(|source| self.error(source))
    }

    fn error(&self, source: git2::Error) -> RepositoryError {
        RepositoryError::Git { path: self.path.clone(), source }
    }
}

/// Writes commits one on the other.
struct Writer<'r> {
    repository: &'r Repository,
    objects: Objects<'r>,
    odb: Odb<'r>,
    root: Folder,
    parent: Option<Oid>,
}

impl<'r> Writer<'r> {
    fn begin(repository: &'r Repository, parent: Option<Oid>) -> Result<Self, git2::Error> {
        let objects = Objects::of(repository);
        let root = match parent {
            Some(parent) => Folder::read(&objects, objects.commit(parent)?.tree_id())?,
            None => Folder::default(),
        };
        Ok(Self { repository, objects, odb: repository.odb()?, root, parent })
    }

    fn write(&mut self, plan: &CommitPlan) -> Result<Oid, git2::Error> {
        for (path, content) in &plan.files {
            let blob = content.as_ref().map(|content| self.odb.write(ObjectType::Blob, content.as_bytes())).transpose()?;
            self.root.set(&self.objects, path, blob)?;
        }
        let tree = self.objects.tree(self.root.write(&self.odb)?)?;
        let parent: Option<Commit<'_>> = self.parent.map(|id| self.objects.commit(id)).transpose()?;
        let time = Time::new(plan.at.timestamp(), 0);
        let author = Signature::new(&plan.author, "chiffon@localhost", &time)?;
        let committer = Signature::new("Chiffon", "chiffon@localhost", &time)?;
        let parents: Vec<&Commit<'_>> = parent.iter().collect();
        let commit = self.repository.commit(None, &author, &committer, &plan.message, &tree, &parents)?;
        self.parent = Some(commit);
        Ok(commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(path: &str, content: Option<&str>) -> CommitPlan {
        CommitPlan {
            message: "infra(1): Test\n\nRecord-Id: 1\n".to_owned(),
            author: "operator".to_owned(),
            at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            files: BTreeMap::from([(path.to_owned(), content.map(str::to_owned))]),
        }
    }

    fn write(repository: &AuditRepository, plan: &CommitPlan, parent: Option<Oid>) -> Oid {
        repository.write(std::slice::from_ref(plan), parent, || false).unwrap()[0]
    }

    fn content(repository: &AuditRepository, path: &str) -> Option<String> {
        let opened = repository.open().unwrap();
        let objects = Objects::of(&opened);
        let commit = objects.commit(repository.head().unwrap()?).unwrap();
        let found = objects.at(&objects.tree(commit.tree_id()).unwrap(), path).unwrap()?;
        Some(String::from_utf8(objects.blob(found).unwrap().content().to_vec()).unwrap())
    }

    #[test]
    fn the_same_plan_on_the_same_parent_is_the_same_commit() {
        let folder = tempfile::tempdir().unwrap();
        let repository = AuditRepository::open_or_create(&folder.path().join("audit.git")).unwrap();
        let first = write(&repository, &plan("hosts/nas/kuma.yml", Some("port: 3001\n")), None);
        assert_eq!(write(&repository, &plan("hosts/nas/kuma.yml", Some("port: 3001\n")), None), first);
        assert_eq!(repository.head().unwrap(), None);
        assert!(!repository.contains(first).unwrap());
        repository.move_branch(None, first).unwrap();
        assert!(repository.contains(first).unwrap());
        assert_eq!(content(&repository, "hosts/nas/kuma.yml").as_deref(), Some("port: 3001\n"));
    }

    #[test]
    fn commits_that_are_written_together_are_those_that_are_written_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let repository = AuditRepository::open_or_create(&folder.path().join("audit.git")).unwrap();
        let plans: Vec<CommitPlan> = ["a/1", "b/1", "a/2", "a/1"].map(|path| plan(path, Some(path))).into();
        let together = repository.write(&plans, None, || false).unwrap();
        let mut parent = None;
        for (plan, commit) in plans.iter().zip(&together) {
            parent = Some(write(&repository, plan, parent));
            assert_eq!(parent, Some(*commit));
        }
        assert_eq!(repository.write(&plans, None, || true).unwrap(), together[..1], "one is written however late it is");
    }

    #[test]
    fn others_on_the_machine_can_not_read_it_not_even_one_that_was_open_before() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.git");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o007;
        AuditRepository::open_or_create(&path).unwrap();
        assert_eq!(mode(), 0);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        AuditRepository::open_or_create(&path).unwrap();
        assert_eq!(mode(), 0);
    }

    #[test]
    fn a_writer_that_was_overtaken_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let repository = AuditRepository::open_or_create(&folder.path().join("audit.git")).unwrap();
        let first = write(&repository, &plan("a", Some("1")), None);
        let late = write(&repository, &plan("b", Some("1")), None);
        repository.move_branch(None, first).unwrap();
        assert!(matches!(repository.move_branch(None, late), Err(RepositoryError::Moved(_))));
        let second = write(&repository, &plan("a", Some("2")), Some(first));
        let other = write(&repository, &plan("a", Some("3")), Some(first));
        repository.move_branch(Some(first), second).unwrap();
        assert!(matches!(repository.move_branch(Some(first), other), Err(RepositoryError::Moved(_))));
        assert_eq!(content(&repository, "a").as_deref(), Some("2"));
    }

    #[test]
    fn orchestrators_that_start_together_make_one_repository() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.git");
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || AuditRepository::open_or_create(&path).map(drop))
            })
            .collect();
        for start in starts {
            start.join().unwrap().unwrap();
        }
    }

    #[test]
    fn locks_that_killed_processes_have_left_hold_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.git");
        let leave = |name: &str| {
            let lock = path.join(name);
            std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
            let long_ago = std::time::SystemTime::now() - Duration::from_hours(1);
            std::fs::File::create(lock).unwrap().set_modified(long_ago).unwrap();
        };
        leave("config.lock");
        let repository = AuditRepository::open_or_create(&path).unwrap();
        let first = write(&repository, &plan("a", Some("1")), None);
        leave("refs/heads/main.lock");
        assert!(repository.move_branch(None, first).is_err());
        repository.move_branch(None, first).unwrap();
        assert_eq!(repository.head().unwrap(), Some(first));
    }

    #[test]
    fn a_file_can_be_removed_and_removing_what_is_not_there_is_fine() {
        let folder = tempfile::tempdir().unwrap();
        let repository = AuditRepository::open_or_create(&folder.path().join("audit.git")).unwrap();
        let first = write(&repository, &plan("hosts/nas/kuma.yml", Some("x")), None);
        repository.move_branch(None, first).unwrap();
        let second = write(&repository, &plan("hosts/nas/kuma.yml", None), Some(first));
        repository.move_branch(Some(first), second).unwrap();
        assert_eq!(content(&repository, "hosts/nas/kuma.yml"), None);
        write(&repository, &plan("hosts/web/never.yml", None), Some(second));
    }
}

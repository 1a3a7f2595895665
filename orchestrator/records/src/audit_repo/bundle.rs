//! The whole branch as one file, and a repository made of it: git's own format, which `git clone FILE` reads, too.
//!
//! <https://git-scm.com/docs/gitformat-bundle>, version 2: a line that says so, a line for each branch, an empty line, a pack.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use chiffon_process::private;
use git2::Oid;

use super::commit::{AuditRepository, BRANCH, RepositoryError};
use super::objects::Objects;

const SIGNATURE: &str = "# v2 git bundle";

impl AuditRepository {
    /// Writes the branch as it is now, and gives its newest commit; without a commit there is nothing to write, and no file.
    pub fn write_bundle(&self, to: &Path) -> Result<Option<Oid>, RepositoryError> {
        let Some(head) = self.head()? else { return Ok(None) };
        let walk = self.check()?;
        if let Some((file, why)) = walk.damaged_pack {
            return Err(self.damaged(file.display().to_string(), why));
        }
        if let Some(damage) = walk.damages.first() {
            return Err(self.damaged(format!("the git object {} ({})", damage.object, damage.what), damage.why.clone()));
        }
        let repository = self.open()?;
        let mut walk = self.wrap(repository.revwalk())?;
        self.wrap(walk.push(head))?;
        let mut builder = self.wrap(repository.packbuilder())?;
        self.wrap(builder.insert_walk(&mut walk))?;
        let unwritable = |source| RepositoryError::Bundle { path: to.to_owned(), source };
        let mut file = BufWriter::new(private::create_new(to).map_err(unwritable)?);
        write!(file, "{SIGNATURE}\n{head} {BRANCH}\n\n").map_err(unwritable)?;
        let mut failure = None;
        let written = builder.foreach(|chunk| match file.write_all(chunk) {
            Ok(()) => true,
            Err(error) => {
                failure = Some(error);
                false
            }
        });
        if let Some(error) = failure {
            return Err(unwritable(error));
        }
        self.wrap(written)?;
        file.into_inner().map_err(|error| unwritable(error.into_error())).and_then(|file| file.sync_all().map_err(unwritable))?;
        Ok(Some(head))
    }

    /// Makes a repository of a bundle at a path where there is none. Every object is checked against its name on the way.
    pub fn from_bundle(bundle: &Path, path: &Path) -> Result<Self, RepositoryError> {
        let unreadable = |source| RepositoryError::Bundle { path: bundle.to_owned(), source };
        let mut file = BufReader::new(File::open(bundle).map_err(unreadable)?);
        let head = read_head(&mut file).map_err(unreadable)?;
        let this = Self::open_or_create(path)?;
        let repository = this.open()?;
        let odb = this.wrap(repository.odb())?;
        let mut pack = this.wrap(odb.packwriter())?;
        std::io::copy(&mut file, &mut pack).map_err(unreadable)?;
        this.wrap(pack.commit())?;
        drop(pack);
        this.wrap(Objects::of(&repository).commit(head))?;
        this.move_branch(None, head)?;
        this.sync()?;
        Ok(this)
    }
}

fn read_head(file: &mut BufReader<File>) -> std::io::Result<Oid> {
    let strange = || std::io::Error::new(std::io::ErrorKind::InvalidData, "it is no bundle of an audit repository");
    let mut lines = [String::new(), String::new(), String::new()];
    for line in &mut lines {
        file.read_line(line)?;
    }
    let [signature, branch, end] = lines;
    if signature.trim_end() != SIGNATURE || !end.trim_end().is_empty() {
        return Err(strange());
    }
    let (head, name) = branch.trim_end().split_once(' ').ok_or_else(strange)?;
    if name != BRANCH {
        return Err(strange());
    }
    Oid::from_str(head).map_err(|_| strange())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;

    use super::*;
    use crate::audit_repo::CommitPlan;

    fn written(folder: &Path) -> (AuditRepository, Oid) {
        let repository = AuditRepository::open_or_create(&folder.join("audit.git")).unwrap();
        let mut head = None;
        for number in 0..3 {
            let plan = CommitPlan {
                message: format!("infra({number}): Test\n"),
                author: "operator".to_owned(),
                at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
                files: BTreeMap::from([(format!("hosts/nas/{number}.yml"), Some("x".repeat(number + 1)))]),
            };
            let commit = repository.write(&[plan], head, || false).unwrap()[0];
            repository.move_branch(head, commit).unwrap();
            head = Some(commit);
        }
        (repository, head.unwrap())
    }

    #[test]
    fn a_repository_made_of_a_bundle_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (repository, head) = written(folder.path());
        let bundle = folder.path().join("audit.bundle");
        assert_eq!(repository.write_bundle(&bundle).unwrap(), Some(head));
        let again = AuditRepository::from_bundle(&bundle, &folder.path().join("again.git")).unwrap();
        assert_eq!(again.check().unwrap(), repository.check().unwrap());
        let git = std::process::Command::new("git").args(["bundle", "list-heads"]).arg(&bundle).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&git.stdout).trim(), format!("{head} refs/heads/main"));
        let empty = AuditRepository::open_or_create(&folder.path().join("empty.git")).unwrap();
        assert_eq!(empty.write_bundle(&folder.path().join("none")).unwrap(), None);
    }

    #[test]
    fn a_damaged_bundle_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (repository, _) = written(folder.path());
        let bundle = folder.path().join("audit.bundle");
        repository.write_bundle(&bundle).unwrap();
        let mut bytes = std::fs::read(&bundle).unwrap();
        let middle = bytes.len() - 40;
        bytes[middle] ^= 1;
        std::fs::write(&bundle, bytes).unwrap();
        AuditRepository::from_bundle(&bundle, &folder.path().join("again.git")).unwrap_err();
        std::fs::write(&bundle, "# v2 git bundle\nnothing\n\n").unwrap();
        assert!(matches!(AuditRepository::from_bundle(&bundle, &folder.path().join("b.git")), Err(RepositoryError::Bundle { .. })));
    }
}

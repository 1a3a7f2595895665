//! `chiffon restore`: makes an installation of a backup, in an empty place. All of it is built beside its place first.
//!
//! The restored database is older than the world. It says so of itself, and the first orchestrator that starts on it marks what may
//! have happened since, before it does anything else.

use std::path::{Path, PathBuf};

use chiffon_kernel::store::{self, Store};
use chiffon_process::{Clock as _, SystemClock, private};
use chiffon_protocol::{ErrorCode, Problem};

use super::manifest::{FILES, Manifest, failed};
use super::{archive, check};
use crate::args::{Global, Restore};
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, Outcome};
use crate::run::{lock, up};

/// Restores or checks a backup.
pub async fn run(global: &Global, args: &Restore) -> Outcome {
    if args.verify {
        let unpacked = tempfile::tempdir()?;
        let manifest = open(&args.file, unpacked.path())?;
        return check::run(global, unpacked.path(), &manifest).await;
    }
    let data_dir = DataDir::choose(global.data_dir.as_deref())?;
    match &args.place.database_url {
        Some(url) => into_database(&data_dir, args, url).await,
        None => into_data_dir(&data_dir, args).await,
    }
}

/// Unpacks a backup that this version can use.
fn open(file: &Path, into: &Path) -> Result<Manifest, Failure> {
    let manifest = archive::open(file, into)?;
    let newest = chiffon_orchestrator::store::backup::newest_schema();
    if manifest.schema > newest {
        return Err(refused(format!(
            "the backup was made by Chiffon {} with schema {}, and this version knows {newest}; restore it with that version or a newer one",
            manifest.version, manifest.schema
        )));
    }
    Ok(manifest)
}

async fn into_data_dir(data_dir: &DataDir, args: &Restore) -> Outcome {
    let root = data_dir.root();
    let _held = lock::lock(data_dir).await?;
    let occupied: Vec<PathBuf> = [data_dir.postgres(), data_dir.audit_repository(), data_dir.orchestrator_key(), data_dir.admin_token()]
        .into_iter()
        .filter(|path| path.exists())
        .collect();
    if !occupied.is_empty() && !args.replace {
        return Err(refused(format!(
            "{} holds an installation ({}); choose another with --data-dir, or give --replace, which moves it aside",
            root.display(),
            occupied.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
        )));
    }
    let unfinished = Unfinished::new(root)?;
    let unpacked = unfinished.0.join("unpacked");
    std::fs::create_dir(&unpacked)?;
    let manifest = open(&args.file, &unpacked)?;
    let (node, url) = up::private_database(&unfinished.0.join("postgres")).await?;
    let filled = fill(&url, &unpacked, &manifest).await;
    node.stop().await;
    filled?;
    check::repository(&unpacked, &unfinished.0.join("audit.git"), &manifest)?;
    let aside = move_aside(root, &occupied)?;
    std::fs::rename(unfinished.0.join("postgres"), data_dir.postgres())?;
    std::fs::rename(unfinished.0.join("audit.git"), data_dir.audit_repository())?;
    files(&unpacked, &manifest, FILES, root, aside.as_deref())?;
    let config = files(&unpacked, &manifest, "config", &root.join("restored-config"), None)?;
    tell(&manifest, root);
    if config > 0 {
        println!("Its configuration files are in {}; put them where you want them.", root.join("restored-config").display());
    }
    if let Some(aside) = aside {
        println!("What was there before is in {}.", aside.display());
    }
    Ok(Exit::Done)
}

async fn into_database(data_dir: &DataDir, args: &Restore, url: &str) -> Outcome {
    let Some(repository) = &args.place.audit_repository else {
        return Err(Failure::usage("name where the audit repository goes with --audit-repository"));
    };
    if repository.exists() {
        return Err(refused(format!("{} exists; move it away, or name another place", repository.display())));
    }
    let store = Store::new(&super::make::store_options(url)).map_err(Problem::from)?;
    let mut connection = store.acquire().await.map_err(Problem::from)?;
    if !chiffon_orchestrator::store::backup::is_empty(&mut connection).await.map_err(Problem::from)? {
        return Err(refused("the database holds tables; name an empty one (CREATE DATABASE …)".to_owned()));
    }
    drop(connection);
    store.close().await;
    let kept = data_dir.root().join("restored");
    if kept.exists() {
        return Err(refused(format!("{} exists; move it away, or choose another --data-dir", kept.display())));
    }
    std::fs::create_dir_all(data_dir.root())?;
    let unfinished = Unfinished::new(data_dir.root())?;
    let manifest = open(&args.file, &unfinished.0)?;
    fill(url, &unfinished.0, &manifest).await?;
    check::repository(&unfinished.0, repository, &manifest)?;
    files(&unfinished.0, &manifest, "", &kept, None)?;
    tell(&manifest, data_dir.root());
    println!("Keys and configuration files are in {}; put them where your configuration names them.", kept.display());
    Ok(Exit::Done)
}

/// Fills the database, and lets it say that it was restored.
async fn fill(url: &str, unpacked: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let store = check::fill(url, unpacked, manifest).await?;
    let mut connection = store.acquire().await.map_err(Problem::from)?;
    let marked = store::installation::set_restored(&mut connection, manifest.made_at, SystemClock.now()).await;
    drop(connection);
    store.close().await;
    Ok(marked.map_err(Problem::from)?)
}

/// A folder in which an installation is built; removed with what is left in it.
struct Unfinished(PathBuf);

impl Unfinished {
    fn new(root: &Path) -> Result<Self, Failure> {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = root.join("restore.unfinished");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir(&folder)?;
        // The database's user passes through, and can't list.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o711))?;
        Ok(Self(folder))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Moves what is there into a folder of its own; `None` when nothing was there.
fn move_aside(root: &Path, occupied: &[PathBuf]) -> Result<Option<PathBuf>, Failure> {
    if occupied.is_empty() {
        return Ok(None);
    }
    let aside = root.join(format!("replaced-{}", SystemClock.now().format("%Y%m%dT%H%M%SZ")));
    private::folder(&aside)?;
    for path in occupied {
        let name = path.file_name().unwrap_or_default();
        std::fs::rename(path, aside.join(name)).map_err(|error| failed(&format!("{} can't be moved", path.display()), error))?;
    }
    Ok(Some(aside))
}

/// Puts the parts below a name into a folder; how many. What is there and differs goes aside, or stays when there is no aside.
fn files(unpacked: &Path, manifest: &Manifest, below: &str, to: &Path, aside: Option<&Path>) -> Result<usize, Failure> {
    let mut count = 0;
    for part in &manifest.parts {
        let is_data = [super::manifest::DATABASE, super::manifest::AUDIT].contains(&part.name.as_str());
        let Some(relative) = part.name.strip_prefix(below).filter(|_| !is_data) else { continue };
        let (from, target) = (unpacked.join(&part.name), to.join(relative.trim_start_matches('/')));
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)?;
        }
        if target.exists() {
            let Some(aside) = aside else { continue };
            let kept = aside.join(relative.trim_start_matches('/'));
            if let Some(folder) = kept.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::rename(&target, kept)?;
        }
        std::fs::rename(&from, &target).map_err(|error| failed(&format!("{} can't be written", target.display()), error))?;
        count += 1;
    }
    Ok(count)
}

fn tell(manifest: &Manifest, root: &Path) {
    println!("Restored what Chiffon was at {}.", manifest.made_at);
    println!("At its next start, what may have run since is marked as unknown or paused; nothing of it is repeated until its agent or a");
    println!("person says more (`chiffon requests --status paused`). Tokens that were taken back since count again: `chiffon token list`.");
    println!("Data directory: {}", root.display());
}

fn refused(message: String) -> Failure {
    Problem::new(ErrorCode::RestoreRefused, message).into()
}

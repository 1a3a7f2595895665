//! What a backup is made of: the installation of `chiffon up` in a data directory, running or not, or a database and a repository
//! that are named.

use std::fs::File;
use std::path::{Path, PathBuf};

use chiffon_nodes::PostgresNode;
use nix::fcntl::Flock;

use super::archive::Named;
use super::manifest::FILES;
use crate::args::{Global, Place};
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::exit::Failure;
use crate::run::{backends, lock, up};

/// The system's configuration file.
const SYSTEM_CONFIG: &str = "/etc/chiffon/chiffon.toml";

/// What a backup is made of.
pub struct Source {
    /// The database.
    pub database_url: String,
    /// The audit repository.
    pub repository: PathBuf,
    /// Keys, tokens, secrets and configuration.
    pub files: Vec<Named>,
    /// The private database, when it had to be started for this.
    pub node: Option<PostgresNode>,
    _lock: Option<Flock<File>>,
}

impl Source {
    /// Finds it. A data directory whose Chiffon does not run has its database started, and kept from being started by another.
    pub async fn find(global: &Global, place: &Place) -> Result<Self, Failure> {
        let config: Config = config::layers(global.config.as_deref())?.read()?;
        let data_dir = DataDir::choose(global.data_dir.as_deref())?;
        let named = place.database_url.clone().map_or_else(|| backends::database_url(&config), Ok)?;
        let mut files = config_files(global);
        if !named.is_empty() {
            let repository = repository(place, &config, &data_dir)?;
            let key = &config.orchestrator.signing_key_file;
            if key.is_file() {
                files.push((format!("{FILES}orchestrator.key"), key.clone()));
            } else {
                // `chiffon up` with a database of yours keeps its keys where it always does.
                files.extend(private_files(&data_dir));
            }
            return Ok(Self { database_url: named, repository, files, node: None, _lock: None });
        }
        if !data_dir.postgres().exists() {
            return Err(Failure::usage(format!(
                "there is no Chiffon in {}, and no database is configured; name one with --database-url",
                data_dir.root().display()
            )));
        }
        files.extend(private_files(&data_dir));
        let repository = data_dir.audit_repository();
        // Whoever holds the lock is a running Chiffon, which says where its database is.
        let Some(held) = lock::now(&data_dir)? else {
            let database_url = std::fs::read_to_string(data_dir.database_url())
                .map_err(|_| Failure::failed("Chiffon is just starting or stopping here; try again in a moment"))?;
            return Ok(Self { database_url: database_url.trim().to_owned(), repository, files, node: None, _lock: None });
        };
        let (node, database_url) = up::private_database(&data_dir.postgres()).await?;
        Ok(Self { database_url, repository, files, node: Some(node), _lock: Some(held) })
    }
}

/// The repository that belongs to a named database.
fn repository(place: &Place, config: &Config, data_dir: &DataDir) -> Result<PathBuf, Failure> {
    let configured = Some(&config.orchestrator.audit_repository).filter(|path| !path.as_os_str().is_empty());
    let named = place.audit_repository.as_ref().or(configured).cloned();
    let own = Some(data_dir.audit_repository()).filter(|path| path.exists());
    named.or(own).ok_or_else(|| Failure::usage("name the audit repository with --audit-repository, or set orchestrator.audit_repository"))
}

fn config_files(global: &Global) -> Vec<Named> {
    let given = global.config.as_deref();
    let files = [Some(Path::new(SYSTEM_CONFIG)), given].into_iter().flatten().filter(|path| path.is_file());
    let mut named: Vec<Named> = Vec::new();
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = if named.is_empty() { "config" } else { "config-given" };
        named.push((format!("{folder}/{name}"), path.to_owned()));
    }
    named
}

/// Keys, tokens, secrets and the inventory. Not the journals of agents: they belong to their machines, and an older one would
/// forget what was done.
fn private_files(data_dir: &DataDir) -> Vec<Named> {
    let mut paths = vec![data_dir.orchestrator_key(), data_dir.admin_token(), data_dir.inventory()];
    for agent in std::fs::read_dir(data_dir.agents()).into_iter().flatten().flatten() {
        paths.extend(["agent.key", "secrets.toml", "variables.key"].map(|name| agent.path().join(name)));
    }
    paths.sort();
    let named = |path: PathBuf| {
        let relative = path.strip_prefix(data_dir.root()).ok()?.to_string_lossy().into_owned();
        path.is_file().then(|| (format!("{FILES}{relative}"), path))
    };
    paths.into_iter().filter_map(named).collect()
}

//! The data directory: where it is and what stands in it.

use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// The data directory of `chiffon up`.
#[derive(Debug, Clone)]
pub struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// The one that was named, else the default: `/var/lib/chiffon` as root, else `$XDG_DATA_HOME/chiffon`.
    pub fn choose(named: Option<&Path>) -> Result<Self, Failure> {
        if let Some(named) = named {
            return Ok(Self { root: std::path::absolute(named)? });
        }
        if nix::unistd::geteuid().is_root() {
            return Ok(Self { root: PathBuf::from("/var/lib/chiffon") });
        }
        let variable = |name| chiffon_process::config::variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = variable("XDG_DATA_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/share")));
        base.map(|base| Self { root: base.join("chiffon") })
            .ok_or_else(|| Failure::usage("HOME is not set; name a data directory with --data-dir"))
    }

    /// Where else one usually is: that of root, and this user's own.
    pub fn others(own: &Self) -> Vec<Self> {
        let home = chiffon_process::config::variable("HOME").map(|home| PathBuf::from(home).join(".local/share/chiffon"));
        let usual = [Some(PathBuf::from("/var/lib/chiffon")), home].into_iter().flatten();
        usual.filter(|root| *root != own.root).map(|root| Self { root }).collect()
    }

    /// Whether a `chiffon up` holds it, ready or not.
    pub fn is_in_use(&self) -> bool {
        let Ok(file) = std::fs::File::open(self.lock()) else { return false };
        nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockSharedNonblock).is_err()
    }

    /// Whether a `chiffon up` has run here and has ended, for sure.
    pub fn is_free(&self) -> bool {
        let lock = |file| nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockSharedNonblock);
        std::fs::File::open(self.lock()).is_ok_and(|file| lock(file).is_ok())
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The first administrator's token, mode 0600.
    pub fn admin_token(&self) -> PathBuf {
        self.root.join("admin.token")
    }

    /// Where the running Chiffon listens.
    pub fn url(&self) -> PathBuf {
        self.root.join("url")
    }

    /// The lock that keeps a second Chiffon out.
    pub fn lock(&self) -> PathBuf {
        self.root.join("up.lock")
    }

    /// The bare audit repository.
    pub fn audit_repository(&self) -> PathBuf {
        self.root.join("audit.git")
    }

    /// The private database cluster.
    pub fn postgres(&self) -> PathBuf {
        self.root.join("postgres")
    }

    /// The private broker.
    pub fn rabbitmq(&self) -> PathBuf {
        self.root.join("rabbitmq")
    }

    /// The address of the private database while it runs, for `chiffon sql`.
    pub fn database_url(&self) -> PathBuf {
        self.root.join("database.url")
    }

    /// The folders of agents.
    pub fn agents(&self) -> PathBuf {
        self.root.join("agents")
    }

    /// The folder of an agent: journal, key, secrets.
    pub fn agent(&self, id: &str) -> PathBuf {
        self.agents().join(id)
    }

    /// The orchestrator's secret key.
    pub fn orchestrator_key(&self) -> PathBuf {
        self.root.join("orchestrator.key")
    }

    /// The inventory that is used when none is named.
    pub fn inventory(&self) -> PathBuf {
        self.root.join("inventory.yml")
    }

    /// The file system of the demo host.
    pub fn demo_root(&self) -> PathBuf {
        self.root.join("demo/nas")
    }
}

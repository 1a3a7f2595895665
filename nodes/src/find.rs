//! Where the servers' binaries are.

use std::path::{Path, PathBuf};

use crate::NodeError;

const POSTGRES_HOME: &str = "/usr/lib/postgresql";
const RABBITMQ_HOME: &str = "/usr/lib/rabbitmq/bin";

/// The folder with `initdb` and `postgres` of the newest installed PostgreSQL.
pub fn postgres_binaries() -> Result<PathBuf, NodeError> {
    let versions = std::fs::read_dir(POSTGRES_HOME).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| folder.join("initdb").is_file() && folder.join("postgres").is_file())
        .collect();
    versions.sort();
    versions
        .pop()
        .map(|(_, folder)| folder)
        .or_else(|| ["/usr/bin", "/usr/local/bin", "/usr/local/pgsql/bin"].map(PathBuf::from).into_iter().find(|folder| folder.join("initdb").is_file()))
        .ok_or(NodeError::Missing { program: "PostgreSQL's server", install: "apt-get install postgresql" })
}

/// RabbitMQ's own start script: the one in `/usr/sbin` changes the account.
pub fn rabbitmq_server() -> Result<PathBuf, NodeError> {
    let script = Path::new(RABBITMQ_HOME).join("rabbitmq-server");
    script.is_file().then_some(script).ok_or(NodeError::Missing { program: "RabbitMQ", install: "apt-get install rabbitmq-server" })
}

/// Whether a PostgreSQL server is installed.
pub fn postgres_is_installed() -> bool {
    postgres_binaries().is_ok()
}

/// Whether RabbitMQ is installed.
pub fn rabbitmq_is_installed() -> bool {
    rabbitmq_server().is_ok()
}

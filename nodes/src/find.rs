//! Where the servers' programs are. What is missing comes with the one command that installs it.

use std::path::{Path, PathBuf};

use crate::{NodeError, postgres, rabbitmq};

const POSTGRES_VERSIONED: &[&str] = &["/usr/lib/postgresql", "/usr/local/lib/postgresql", "/opt/postgresql"];
const RABBITMQ: &[&str] = &["/usr/lib/rabbitmq/bin", "/usr/local/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/sbin"];

/// Whether PostgreSQL's server programs are on this machine.
pub fn postgres_is_installed() -> bool {
    postgres(None).is_ok()
}

/// Whether RabbitMQ's server is on this machine.
pub fn rabbitmq_is_installed() -> bool {
    rabbitmq().is_ok()
}

/// The folder of PostgreSQL's programs: of this major version, or of the newest.
pub(crate) fn postgres(major: Option<u32>) -> Result<PathBuf, NodeError> {
    postgres_among(POSTGRES_VERSIONED, &path_folders(), major)
}

fn postgres_among(versioned: &[&str], path: &[PathBuf], major: Option<u32>) -> Result<PathBuf, NodeError> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for base in versioned {
        for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
            let version = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let bin = entry.path().join("bin");
            if let Some(version) = version
                && has_all(&bin)
            {
                found.push((version, bin));
            }
        }
    }
    found.sort();
    let chosen = match major {
        Some(major) => found.into_iter().find(|(version, _)| *version == major),
        None => found.pop(),
    };
    // A server in PATH has no version in its folder's name; it says by itself when a cluster is of another one.
    let in_path = || path.iter().find(|folder| has_all(folder)).cloned();
    chosen.map(|(_, bin)| bin).or_else(in_path).ok_or_else(|| NodeError::ProgramMissing {
        server: postgres::SERVER,
        looked: format!("{} and PATH", versioned.join(", ")),
        install: match major {
            Some(major) => format!("apt-get install postgresql-{major} (the version that made this data directory)"),
            None => "apt-get install postgresql".to_owned(),
        },
    })
}

/// A client program of PostgreSQL that knows servers of this major version: the same version's, else the next newer one's.
pub fn postgres_client(program: &str, server: u32) -> Result<PathBuf, NodeError> {
    client_among(POSTGRES_VERSIONED, &path_folders(), program, server)
}

fn client_among(versioned: &[&str], path: &[PathBuf], program: &str, server: u32) -> Result<PathBuf, NodeError> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in versioned.iter().flat_map(std::fs::read_dir).flatten().flatten() {
        let version = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let file = entry.path().join("bin").join(program);
        found.extend(version.filter(|version| *version >= server && file.is_file()).map(|version| (version, file)));
    }
    let in_path = || path.iter().map(|folder| folder.join(program)).find(|file| file.is_file());
    found.into_iter().min().map(|(_, file)| file).or_else(in_path).ok_or_else(|| NodeError::ProgramMissing {
        server: "PostgreSQL's client",
        looked: format!("{} and PATH, for {program} of version {server} or newer", versioned.join(", ")),
        install: format!("apt-get install postgresql-client-{server}"),
    })
}

fn has_all(bin: &Path) -> bool {
    ["postgres", "initdb", "psql"].iter().all(|program| bin.join(program).is_file())
}

/// `rabbitmq-server` itself, not the wrapper that insists on the system's own node.
pub(crate) fn rabbitmq() -> Result<PathBuf, NodeError> {
    rabbitmq_among(RABBITMQ)
}

fn rabbitmq_among(folders: &[&str]) -> Result<PathBuf, NodeError> {
    let programs = folders.iter().map(|folder| Path::new(folder).join("rabbitmq-server"));
    programs.into_iter().find(|program| program.is_file()).ok_or_else(|| NodeError::ProgramMissing {
        server: rabbitmq::SERVER,
        looked: folders.join(", "),
        install: "apt-get install rabbitmq-server".to_owned(),
    })
}

/// Erlang's port mapper, which comes with RabbitMQ.
pub(crate) fn epmd() -> Result<PathBuf, NodeError> {
    let programs = path_folders().into_iter().chain(["/usr/bin".into(), "/usr/local/bin".into()]).map(|folder| folder.join("epmd"));
    programs.into_iter().find(|program| program.is_file()).ok_or_else(|| NodeError::ProgramMissing {
        server: rabbitmq::SERVER,
        looked: "PATH, for epmd".to_owned(),
        install: "apt-get install erlang-base".to_owned(),
    })
}

#[expect(clippy::disallowed_methods, reason = "PATH is the system's, not a setting; this crate has no configuration")]
fn path_folders() -> Vec<PathBuf> {
    std::env::var("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(base: &Path, version: &str) -> PathBuf {
        let bin = base.join(version).join("bin");
        std::fs::create_dir_all(&bin).expect("a folder");
        for program in ["postgres", "initdb", "psql"] {
            std::fs::write(bin.join(program), "").expect("a program");
        }
        bin
    }

    #[test]
    fn the_newest_postgres_is_chosen_by_number() {
        let base = tempfile::tempdir().expect("a folder");
        let nine = install(base.path(), "9");
        let sixteen = install(base.path(), "16");
        std::fs::create_dir_all(base.path().join("17/bin")).expect("a client without a server");
        let folders = [base.path().to_str().expect("text")];
        assert_eq!(postgres_among(&folders, &[], None).expect("found"), sixteen);
        assert_eq!(postgres_among(&folders, &[], Some(9)).expect("found"), nine);
    }

    #[test]
    fn a_client_is_never_older_than_its_server() {
        let base = tempfile::tempdir().expect("a folder");
        for version in ["13", "15", "17"] {
            let bin = base.path().join(version).join("bin");
            std::fs::create_dir_all(&bin).expect("a folder");
            std::fs::write(bin.join("pg_dump"), "").expect("a program");
        }
        let folders = [base.path().to_str().expect("text")];
        let version = |server| client_among(&folders, &[], "pg_dump", server).expect("found");
        assert_eq!(version(15), base.path().join("15/bin/pg_dump"));
        assert_eq!(version(16), base.path().join("17/bin/pg_dump"));
        let missing = client_among(&folders, &[], "pg_dump", 18).expect_err("none is new enough").to_string();
        assert!(missing.ends_with("apt-get install postgresql-client-18"), "{missing}");
    }

    #[test]
    fn a_missing_server_names_the_command_that_installs_it() {
        let missing = postgres_among(&["/nowhere/postgresql"], &[], None).expect_err("nothing there");
        assert_eq!(
            missing.to_string(),
            "PostgreSQL is not installed (looked in /nowhere/postgresql and PATH); install it with: apt-get install postgresql"
        );
        assert_eq!(missing.code(), 5904);
        let missing = rabbitmq_among(&["/nowhere/rabbitmq"]).expect_err("nothing there");
        assert!(missing.to_string().ends_with("install it with: apt-get install rabbitmq-server"), "{missing}");
    }

    #[test]
    fn a_cluster_of_a_version_that_is_gone_names_that_version() {
        let base = tempfile::tempdir().expect("a folder");
        install(base.path(), "17");
        let missing = postgres_among(&[base.path().to_str().expect("text")], &[], Some(15)).expect_err("another version");
        assert!(missing.to_string().contains("apt-get install postgresql-15"), "{missing}");
    }
}

//! Why a node is not there, each with the next step to take.

use std::io;
use std::path::{Path, PathBuf};

/// What went wrong with a private node.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The server is not installed.
    #[error("{server} is not installed (looked in {looked}); install it with: {install}")]
    ProgramMissing {
        /// The server's name.
        server: &'static str,
        /// Where it was looked for.
        looked: String,
        /// The one command that installs it.
        install: String,
    },
    /// Root can't run the server itself, and the user who should is not there.
    #[error(
        "{server} must not run as root, and the user `{user}` that should run it does not exist; create it with: adduser --system --group {user}"
    )]
    UserMissing {
        /// The server's name.
        server: &'static str,
        /// The missing user.
        user: String,
    },
    /// The server's user can't reach its folder.
    #[error(
        "{} can't be used: the user `{user}` may not enter {}; run `chmod o+x {}`, or choose another data directory (--data-dir /var/lib/chiffon)",
        dir.display(), blocking.display(), blocking.display()
    )]
    NotTraversable {
        /// The folder the node was to live in.
        dir: PathBuf,
        /// The folder on the way that blocks.
        blocking: PathBuf,
        /// Who can't pass.
        user: String,
    },
    /// A folder or a file in it can't be made, read or written.
    #[error("{} can't be used: {source}; check its owner, its mode and the space left, or choose another data directory", path.display())]
    FolderUnusable {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A directory for sockets that does not fit into a socket's address.
    #[error("the socket path {} is longer than 107 bytes; choose a shorter socket directory", path.display())]
    SocketPathTooLong {
        /// The socket.
        path: PathBuf,
    },
    /// Somebody else listens where this node was reached before.
    #[error(
        "port {port} of 127.0.0.1, where {server} was reached before, is in use by another program; stop that program, or start the node anew"
    )]
    PortBusy {
        /// The server's name.
        server: &'static str,
        /// The port.
        port: u16,
    },
    /// No range of free ports could be found.
    #[error("no {len} adjacent free ports were found on 127.0.0.1; `ss -ltn` shows who listens")]
    NoFreePorts {
        /// How many were wanted.
        len: u16,
    },
    /// Another living process owns a node in the folder.
    #[error("the node in {} belongs to another running process; stop that process first, or choose another data directory", dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// The server ended or did not get ready in time.
    #[error("{server} did not start: {why}; its log {} ends with:\n{tail}", log.display())]
    DidNotStart {
        /// The server's name.
        server: &'static str,
        /// Ended, or too slow.
        why: String,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// A helper program of the server failed.
    #[error("`{program}` failed to {what}: {output}")]
    Command {
        /// The program.
        program: String,
        /// What it was to do.
        what: String,
        /// What it said.
        output: String,
    },
    /// The broker's management API refused or did not answer.
    #[error("RabbitMQ's management API failed to {what}: {why}")]
    Management {
        /// What it was to do.
        what: String,
        /// What it said.
        why: String,
    },
    /// A name that a database can't have here.
    #[error("`{name}` can't name a database: use 1 to 63 of a-z, 0-9 and _, beginning with a letter")]
    InvalidName {
        /// The name.
        name: String,
    },
    /// The test needs the nodes of a test run, and runs outside of one.
    #[error(
        "{variable} is not set: this test needs the private nodes of a test run; run `make test`, or `cargo run -p chiffon-nodes -- run -- COMMAND`"
    )]
    NoTestRun {
        /// The missing variable.
        variable: &'static str,
    },
}

impl NodeError {
    /// The number of the error's page under `docs/errors`.
    pub fn code(&self) -> u16 {
        match self {
            Self::ProgramMissing { .. } | Self::UserMissing { .. } => 5904,
            Self::NotTraversable { .. } | Self::FolderUnusable { .. } | Self::SocketPathTooLong { .. } => 5903,
            Self::PortBusy { .. } | Self::NoFreePorts { .. } => 5902,
            Self::InUse { .. } => 5905,
            Self::DidNotStart { server, .. } if *server == crate::rabbitmq::SERVER => 5010,
            Self::Management { .. } => 5010,
            Self::DidNotStart { .. } | Self::Command { .. } => 5801,
            Self::InvalidName { .. } | Self::NoTestRun { .. } => 5900,
        }
    }

    /// For `map_err` on whatever touches a path.
    pub(crate) fn folder(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::FolderUnusable { path, source }
    }

    /// A server that did not start, with the end of its log.
    pub(crate) fn did_not_start(server: &'static str, why: String, log: &Path) -> Self {
        let text = std::fs::read(log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        Self::DidNotStart { server, why, log: log.to_owned(), tail }
    }
}

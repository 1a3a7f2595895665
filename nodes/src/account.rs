//! Who runs a server. As root it is the server's own unprivileged user, because PostgreSQL refuses root; otherwise ourselves.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use nix::unistd::{User, chown, geteuid};

use crate::NodeError;

/// An unprivileged user that root runs a server as.
#[derive(Debug, Clone)]
pub(crate) struct Account(User);

/// Whether this process may become somebody else.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

impl Account {
    /// The user of this name; `None` when we aren't root and run servers as ourselves.
    pub(crate) fn for_server(server: &'static str, user: &str) -> Result<Option<Self>, NodeError> {
        if !is_root() {
            return Ok(None);
        }
        match User::from_name(user) {
            Ok(Some(user)) => Ok(Some(Self(user))),
            _ => Err(NodeError::UserMissing { server, user: user.to_owned() }),
        }
    }

    /// The user's name.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// The user's number.
    pub(crate) fn uid(&self) -> u32 {
        self.0.uid.as_raw()
    }

    /// Makes the command run as this user, with its group and no other.
    pub(crate) fn run(&self, command: &mut Command) {
        command.uid(self.0.uid.as_raw()).gid(self.0.gid.as_raw());
    }

    /// Gives a path to this user.
    pub(crate) fn own(&self, path: &Path) -> Result<(), NodeError> {
        chown(path, Some(self.0.uid), Some(self.0.gid)).map_err(|errno| NodeError::folder(path)(errno.into()))
    }

    /// Whether this user may pass through a folder on the way to another.
    pub(crate) fn may_enter(&self, folder: &Metadata) -> bool {
        let needed = if folder.uid() == self.0.uid.as_raw() {
            0o100
        } else if folder.gid() == self.0.gid.as_raw() {
            0o010
        } else {
            0o001
        };
        folder.mode() & needed != 0
    }
}

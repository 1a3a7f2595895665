//! What makes a node one of a cluster: a name of its own, and a port mapper, a cookie and a password that all share.

use std::path::Path;

use crate::account::Account;
use crate::secret::Password;
use crate::{NodeError, folder};

/// A node's part in its cluster.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Its name among Erlang's nodes.
    pub(super) name: String,
    /// The port of the mapper that all of them ask for each other.
    pub(super) epmd_port: u16,
    /// By which nodes of Erlang know that they belong together.
    pub(super) cookie: Password,
    /// Users belong to the cluster, not to a node.
    pub(super) password: Password,
}

impl Member {
    /// Writes what the node would otherwise make for itself.
    pub(super) fn write_secrets(&self, dir: &Path, account: Option<&Account>) -> Result<(), NodeError> {
        folder::write_private(&dir.join("password"), self.password.reveal())?;
        let cookie = dir.join(".erlang.cookie");
        folder::write_private(&cookie, self.cookie.reveal())?;
        account.map_or(Ok(()), |account| account.own(&cookie))
    }

    /// A line of rabbitmq.conf: of three nodes that can't see each other, the single one stops answering.
    /// <https://www.rabbitmq.com/docs/partitions>
    pub(super) fn configuration() -> String {
        "cluster_partition_handling = pause_minority".to_owned()
    }
}

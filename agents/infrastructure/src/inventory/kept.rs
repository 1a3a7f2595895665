//! The hosts that were read last, kept in the agent's folder: a start while an inventory script fails still knows them.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Inventory;

const FILE: &str = "inventory.json";

impl Inventory {
    /// What was kept of this inventory; nothing when there is none, or it is another's.
    pub(crate) fn kept(folder: &Path, inventory: &Path) -> Self {
        let read = || -> Option<Self> {
            let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join(FILE)).ok()?).ok()?;
            let is_this = kept["inventory"].as_str() == Some(&*inventory.to_string_lossy());
            let groups = serde_json::from_value(kept["groups"].clone()).ok().filter(|_| is_this)?;
            Some(Self { groups, ..Self::default() })
        };
        read().unwrap_or_default()
    }

    /// Keeps it. One that can't be kept costs nothing until a script fails at a start.
    pub(crate) fn keep(&self, folder: &Path, inventory: &Path) {
        if let Err(error) = self.write(folder, inventory) {
            tracing::debug!(%error, folder = %folder.display(), "the hosts could not be kept for the next start");
        }
    }

    fn write(&self, folder: &Path, inventory: &Path) -> io::Result<()> {
        let (path, new): (PathBuf, PathBuf) = (folder.join(FILE), folder.join(format!("{FILE}.new")));
        let text = serde_json::to_vec(&json!({"inventory": inventory.to_string_lossy(), "groups": self.groups}))?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&text)?;
        std::fs::rename(new, path)
    }
}

//! What the infrastructure agent has to be told.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where the infrastructure agent finds what it works with.
#[derive(Debug, Clone)]
pub struct InfrastructureOptions {
    /// The folder of the actions, each in a folder of its own.
    pub playbooks: PathBuf,
    /// The inventory: a file or a folder, as `ansible-inventory -i` takes it.
    pub inventory: PathBuf,
    /// The agent's own folder; `secrets.toml` is looked for in it.
    pub data_dir: PathBuf,
    /// The program to run; found in `PATH` when it has no slash.
    pub ansible_playbook: PathBuf,
    /// The program that reads inventories.
    pub ansible_inventory: PathBuf,
    /// Words for people and for placement.
    pub labels: BTreeMap<String, String>,
}

impl InfrastructureOptions {
    /// Ansible as `PATH` has it.
    pub fn new(playbooks: impl Into<PathBuf>, inventory: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            playbooks: playbooks.into(),
            inventory: inventory.into(),
            data_dir: data_dir.into(),
            ansible_playbook: PathBuf::from("ansible-playbook"),
            ansible_inventory: PathBuf::from("ansible-inventory"),
            labels: BTreeMap::new(),
        }
    }
}

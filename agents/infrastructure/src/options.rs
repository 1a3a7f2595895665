//! What the infrastructure agent has to be told.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// `ansible-inventory` takes most of a second of a core.
const INVENTORY_AGE: Duration = Duration::from_mins(5);

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
    /// How often programs and plugins of the inventory are asked again; files are read again when they are written.
    pub inventory_age: Duration,
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
            inventory_age: INVENTORY_AGE,
            labels: BTreeMap::new(),
        }
    }
}

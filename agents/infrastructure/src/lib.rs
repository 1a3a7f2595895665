//! The infrastructure agent: vetted actions, run by Ansible on the hosts of an inventory.
//!
//! It runs only what the catalogue holds, with the content that was planned, on the hosts that were granted. Secrets are
//! resolved here and never leave the host.

pub mod action_check;
mod agent;
mod ansible_config;
mod ansible_json;
mod catalogue;
mod check_mode;
mod content_hash;
mod installed;
mod inventory;
mod options;
#[doc(hidden)]
pub mod outside;
mod own_code;
mod path_scan;
mod play;
mod play_scan;
mod redact;
mod sealed_inventory;
mod secrets;
mod shared_types;
mod variables_key;

pub use agent::InfrastructureAgent;
pub use catalogue::{Action, Catalogue};
pub use inventory::Inventory;
pub use options::InfrastructureOptions;

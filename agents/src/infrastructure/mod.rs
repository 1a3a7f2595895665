//! The infrastructure agent: vetted actions, run by Ansible on the hosts of an inventory.

mod options;

pub use options::InfrastructureOptions;

//! The infrastructure agent against an orchestrator that speaks the wire contract, with real Ansible.

mod any_output;
mod approved;
mod beyond;
mod by_host;
mod content;
mod dry_runs;
mod elsewhere;
mod first_contact;
mod foretold;
mod inventories;
mod playbooks;
mod plays;
mod sealed;
mod shipped_actions;
mod spellings;
mod stopping;
mod unasked;
mod variables;

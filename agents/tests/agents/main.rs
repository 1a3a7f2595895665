//! The agents against an orchestrator that speaks the wire contract, with real processes and real Ansible.

mod any_output;
mod approved;
mod beyond;
mod by_host;
mod content;
mod dry_runs;
mod elsewhere;
mod first_contact;
mod foretold;
mod infrastructure;
mod inventories;
mod kinds;
mod orchestrator;
mod playbooks;
mod recovery;
mod running;
mod shipped_actions;
mod spellings;
mod stopping;
mod unasked;
mod variables;
mod worker;

//! Verbs that run processes of Chiffon, or look at this machine: the composition of what the crates offer.

pub mod agent;
pub mod backends;
pub mod backup;
pub mod config;
pub mod demo;
pub mod demo_host;
pub mod doctor;
pub mod keys;
pub mod kinds;
pub mod lock;
pub mod logging;
pub mod migrate;
pub mod orchestrator;
pub mod playbooks;
pub mod serve;
pub mod sql;
mod stopping;
mod supervise;
mod tips;
pub mod topology;
mod traces;
pub mod up;

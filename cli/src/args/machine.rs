//! Verbs that run, make or check an installation.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::config::BusDriver;
use crate::run::kinds::STARTERS;

#[derive(Debug, Clone, clap::Args)]
pub struct Up {
    /// The address and port on which this process listens, such as 127.0.0.1:8080 (which is the default) or 0.0.0.0:9000
    #[arg(long)]
    pub listen: Option<String>,
    /// Use this database instead of a private one
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Use this broker instead of a private one
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    pub amqp_url: Option<String>,
    /// Which broker
    #[arg(long, value_enum)]
    pub bus: Option<BusDriver>,
    /// The folder of actions [default: those of the source tree or the package]
    #[arg(long)]
    pub playbooks: Option<PathBuf>,
    /// The Ansible inventory [default: <data-dir>/inventory.yml; a demo host there when you have none]
    #[arg(long)]
    pub inventory: Option<PathBuf>,
    /// Play the whole story by itself on the demo host, then stop
    #[arg(long)]
    pub demo: bool,
}

/// An installation that is not that of `chiffon up`.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// This database instead of that of `chiffon up`
    #[arg(long, hide_env_values = true)]
    pub database_url: Option<String>,
    /// The audit repository that belongs to it
    #[arg(long)]
    pub audit_repository: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Restore {
    /// What `chiffon backup` has written
    pub file: PathBuf,
    /// Only try it out: restore it into a temporary database, check all records, and leave nothing behind
    #[arg(long, conflicts_with = "replace")]
    pub verify: bool,
    /// Move the installation that is there aside
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub place: Place,
}

/// The kinds of agents that this program can start.
pub fn kinds() -> PossibleValuesParser {
    STARTERS.map(|starter| PossibleValue::new(starter.kind().name.as_str()).help(starter.kind().about)).into()
}

#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Say whether the configuration can be used
    Check,
    /// Print each value and where it came from
    Dump,
}

#[derive(Debug, Subcommand)]
pub enum TopologyVerb {
    /// Declare what is missing
    Apply,
    /// Print it
    Show,
}

#[derive(Debug, Subcommand)]
pub enum ActionVerb {
    /// Say what is wrong with an action's folder
    Check { folder: PathBuf },
}

//! Logs of a process that runs long.

use std::io::IsTerminal as _;

use chiffon_process::config::{ConfigError, Layers};
use chiffon_process::telemetry::{self, Format};

use crate::config::Log;

/// Starts logging as configured.
pub fn start(log: &Log) {
    telemetry::init(log.format, &log.filter);
}

/// Starts logging as configured; where nothing was, as it fits who reads: a person at a terminal, or a program.
pub fn start_for_whoever_reads(log: &Log, layers: &Layers) -> Result<(), ConfigError> {
    let is_said = layers.origins()?.iter().any(|origin| origin.key.starts_with("log.") && origin.source != "default");
    if is_said || !std::io::stderr().is_terminal() {
        start(log);
    } else {
        // Other crates' words are statements and frames, which no person has asked for.
        start(&Log { format: Format::Text, filter: format!("{},lapin=off,sqlx=off", log.filter) });
    }
    Ok(())
}

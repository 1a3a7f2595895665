//! Logs of a process that runs long.

use chiffon_process::telemetry;

use crate::config::Log;

/// Starts logging as configured.
pub fn start(log: &Log) {
    telemetry::init(log.format, &log.filter);
}

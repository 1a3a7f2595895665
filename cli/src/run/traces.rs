//! Traces of a process that runs long: begun as configured, ended within a bound.

use std::time::Duration;

use chiffon_process::Traces;
use chiffon_process::traces::Service;
use chiffon_traces::Exporter;

use crate::config::Config;
use crate::exit::Failure;

/// How long a stop waits for the collector.
const LAST_SPANS_WITHIN: Duration = Duration::from_secs(2);

/// Who an orchestrator is in its spans.
pub fn orchestrator() -> Service {
    Service { name: "chiffon-orchestrator", instance: super::agent::system_hostname() }
}

/// Who an agent is.
pub fn agent(id: &str) -> Service {
    Service { name: "chiffon-agent", instance: id.to_owned() }
}

/// What sends spans, if a collector is configured.
pub struct Sending(Option<Exporter>);

impl Sending {
    /// Begins to send, as this service. Nothing is begun without a collector, and none is asked now.
    pub fn begin(config: &Config, service: Service) -> Result<Self, Failure> {
        let target = config.traces.target().map_err(Failure::usage)?;
        let exporter = target.map(|target| Exporter::start(target, service)).transpose();
        exporter.map(Self).map_err(Failure::failed)
    }

    /// Where spans go.
    pub fn traces(&self) -> Traces {
        self.0.as_ref().map(|exporter| exporter.traces().clone()).unwrap_or_default()
    }

    /// The process leaves: what waits is sent, as far as the collector takes it at once.
    pub async fn finish(self) {
        if let Some(exporter) = self.0 {
            exporter.finish(LAST_SPANS_WITHIN).await;
        }
    }
}

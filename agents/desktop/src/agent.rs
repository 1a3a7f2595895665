//! The desktop as a kind of agent.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chiffon_protocol::kind::{DESKTOP, Kind};
use chiffon_protocol::message::{AnnouncedAction, Availability, WorkRequest};

use super::probe::SystemProbe;
use chiffon_worker::{AgentKind, Decline, RunContext, RunOutcome};

/// Above this, the GPU counts as its owner's.
const GPU_IN_USE_PERCENT: f64 = 50.0;
/// The file whose presence in the agent's folder pauses it.
const PAUSE_FILE: &str = "paused";

/// What the desktop agent has to be told.
#[derive(Debug, Clone)]
pub struct DesktopOptions {
    /// The machine's name: the one host it reaches.
    pub hostname: String,
    /// The agent's own folder; a file named `paused` in it pauses the agent.
    pub data_dir: PathBuf,
}

/// One machine with its owner.
#[derive(Debug)]
pub struct DesktopAgent {
    options: DesktopOptions,
    probe: Arc<SystemProbe>,
}

impl DesktopAgent {
    /// The agent of this machine, which judges by the same figures that its heartbeats report.
    pub fn new(options: DesktopOptions, probe: Arc<SystemProbe>) -> Self {
        Self { options, probe }
    }
}

#[async_trait]
impl AgentKind for DesktopAgent {
    fn entry(&self) -> &Kind {
        &DESKTOP
    }

    fn catalogue(&self) -> Vec<AnnouncedAction> {
        Vec::new()
    }

    fn hosts(&self) -> BTreeMap<String, Vec<String>> {
        BTreeMap::new()
    }

    fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("hostname".to_owned(), self.options.hostname.clone())])
    }

    fn availability(&self) -> Availability {
        if self.options.data_dir.join(PAUSE_FILE).exists() {
            return Availability::Paused;
        }
        let figures = self.probe.last();
        let gpu_in_use = figures.gpus.iter().any(|gpu| gpu.used_percent > GPU_IN_USE_PERCENT);
        let overloaded = figures.cpu.cores > 0 && figures.cpu.load_1m > f64::from(figures.cpu.cores) * 1.5;
        if gpu_in_use || overloaded { Availability::Busy } else { Availability::Available }
    }

    fn accepts(&self, work: &WorkRequest) -> Result<(), Decline> {
        Err(Decline::new(format!("the desktop {} has no action `{}`: it only reports", self.options.hostname, work.action)))
    }

    async fn run(&self, work: &WorkRequest, _context: RunContext) -> RunOutcome {
        RunOutcome::internal(format!("the desktop {} was made to run `{}`, which it had declined", self.options.hostname, work.action))
    }
}

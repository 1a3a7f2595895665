//! `chiffon agent`: one agent as a process of its own, and the building of agents for `chiffon up`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::Bus;
use chiffon_desktop::SystemProbe;
use chiffon_process::{RandomIds, Shutdown, Spawner, SystemClock, Traces};
use chiffon_protocol::key::{KeyPair, Keyring, PublicKey};
use chiffon_protocol::kind::Kind;
use chiffon_worker::{Ended, Worker, WorkerOptions, WorkerParts};

use super::kinds::{self, Folders, Place, Starter};
use super::traces::{self, Sending};
use super::{backends, keys, logging, serve};
use crate::args::Global;
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::exit::{Failure, Outcome};

/// What an agent is built of, beside the configuration.
pub struct Parts {
    pub starter: &'static dyn Starter,
    pub id: String,
    pub hostname: String,
    pub folder: PathBuf,
    pub key: KeyPair,
    pub orchestrator: PublicKey,
    pub folders: Folders,
    pub bus: Arc<dyn Bus>,
    /// Whether the process ends with it when it is drained.
    pub is_alone: bool,
    pub traces: Traces,
}

/// Runs an agent until a signal says to stop, or until it has been drained.
pub async fn run(global: &Global, kind: &str) -> Outcome {
    let starter = kinds::named(kind).ok_or_else(|| Failure::usage(format!("this program has no agents of the kind {kind}")))?;
    let layers = config::layers(global.config.as_deref())?;
    let config: Config = layers.read()?;
    logging::start_for_whoever_reads(&config.log, &layers)?;
    let orchestrator =
        config.orchestrator.public_key.parse().map_err(|error| {
            Failure::usage(format!("orchestrator.public_key: {error}; agents run only what the orchestrator has signed"))
        })?;
    let broker_url = backends::broker_url(&config)?;
    backends::check_broker(&broker_url)?;
    let folders = starter.folders(&config)?;
    let hostname = hostname(&config);
    let id = if config.agent.id.is_empty() { default_id(starter.kind(), &hostname) } else { config.agent.id.clone() };
    let folder = if config.agent.data_dir.as_os_str().is_empty() {
        DataDir::choose(global.data_dir.as_deref())?.agent(&id)
    } else {
        std::path::absolute(&config.agent.data_dir)?
    };
    let key_file = if config.agent.key_file.as_os_str().is_empty() { folder.join("agent.key") } else { config.agent.key_file.clone() };
    let key = keys::read_or_create(&key_file)?;
    let tasks = Spawner::new(Shutdown::new());
    let sending = Sending::begin(&config, traces::agent(&id))?;
    let bus = backends::rabbitmq(&config, &broker_url, &id, &tasks)?;
    tracing::info!(agent_id = %id, public_key = %key.public(), "the orchestrator must list this key in agents.trusted");
    let parts =
        Parts { starter, id, hostname, folder, key, orchestrator, folders, bus: bus.clone(), is_alone: true, traces: sending.traces() };
    let working = Spawner::new(tasks.shutdown().clone());
    start(&config, parts, &working).await?;
    serve::wait_and_stop(&working, &tasks, config.agent.drain_within, std::future::ready(())).await;
    bus.close(Duration::from_secs(5)).await;
    sending.finish().await;
    serve::outcome(&tasks)
}

/// Builds an agent and starts it as tasks of this process.
pub async fn start(config: &Config, parts: Parts, tasks: &Spawner) -> Result<(), Failure> {
    let probe = Arc::new(SystemProbe::new());
    let at = Place { hostname: &parts.hostname, folder: &parts.folder };
    let kind = parts.starter.build(config, parts.folders, at, &probe).await?;
    let mut options = WorkerOptions::new(parts.id, parts.hostname, parts.key, Keyring::new([parts.orchestrator]), parts.folder);
    options.concurrency = config.agent.concurrency;
    options.max_log_bytes = config.agent.max_log_bytes;
    options.heartbeat_every = config.agent.heartbeat_every;
    options.drain_limit = config.agent.drain_within;
    options.queue_type = config.bus.queue_type;
    options.ends_when_drained = parts.is_alone;
    options.traces = parts.traces;
    let id = options.agent_id.clone();
    let worker = Worker::new(
        options,
        WorkerParts { bus: parts.bus, clock: SystemClock::shared(), ids: RandomIds::shared(), kind, probe, tasks: tasks.clone() },
    )?;
    let shutdown = tasks.shutdown().clone();
    tasks.spawn_vital("agent", async move {
        match worker.run().await {
            Ok(Ended::Stopped) => {}
            Ok(Ended::Drained) => {
                say!("{id} is drained: it has finished what it ran, everything about that is stored, and it ends.");
                shutdown.stop();
            }
            Err(problem) => {
                shutdown.fail(format!("the agent ended: {problem}"));
            }
        }
    });
    Ok(())
}

/// The id that an agent has when none is configured.
pub fn default_id(kind: &Kind, hostname: &str) -> String {
    format!("{}-{hostname}", kind.name)
}

/// The configured host name, else the system's.
pub fn hostname(config: &Config) -> String {
    if config.agent.hostname.is_empty() { system_hostname() } else { config.agent.hostname.clone() }
}

/// What the system calls itself.
pub fn system_hostname() -> String {
    nix::unistd::gethostname().map_or_else(|_| "localhost".to_owned(), |name| name.to_string_lossy().into_owned())
}

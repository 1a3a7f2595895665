//! `chiffon serve`: an orchestrator on an existing database and broker.

use std::time::Duration;

use chiffon_orchestrator::app::Orchestrator;
use chiffon_process::{Shutdown, Spawner};
use chiffon_protocol::{ErrorCode, Problem};
use tokio::net::TcpListener;

use super::orchestrator::{Parts, options};
use super::traces::{self, Sending};
use super::{backends, keys, logging};
use crate::args::Global;
use crate::config::{self, Config};
use crate::exit::{Exit, Failure, Outcome};

/// How long tasks may take to leave once they were told to.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);

/// Runs until a signal says to stop; a second one leaves at once.
pub async fn run(global: &Global, listen: Option<&str>) -> Outcome {
    let mut layers = config::layers(global.config.as_deref())?;
    if let Some(listen) = listen {
        layers = layers.with_flag("http.listen", listen);
    }
    let config: Config = layers.read()?;
    logging::start_for_whoever_reads(&config.log, &layers)?;
    let database_url = backends::database_url(&config)?;
    if database_url.is_empty() {
        return Err(Failure::usage("no database is configured; set DATABASE_URL to postgres://user:password@host:5432/database"));
    }
    if config.orchestrator.signing_key_file.as_os_str().is_empty() || config.orchestrator.audit_repository.as_os_str().is_empty() {
        return Err(Failure::usage(
            "set orchestrator.signing_key_file (`chiffon key new FILE` makes one) and orchestrator.audit_repository",
        ));
    }
    let broker_url = backends::broker_url(&config)?;
    backends::check(&config)?;
    super::orchestrator::settings(&config)?;
    let key = keys::read(&config.orchestrator.signing_key_file)?;
    let tasks = Spawner::new(Shutdown::new());
    let sending = Sending::begin(&config, traces::orchestrator())?;
    let bus = backends::rabbitmq(&config, &broker_url, "chiffon-orchestrator", &tasks)?;
    let listener = bind(&config.http.listen).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "listens at http://{address}; it is not ready yet");
    let parts = Parts {
        database_url,
        bus: bus.clone(),
        key,
        trusted_agents: config.agents.trusted.clone(),
        audit_repository: config.orchestrator.audit_repository.clone(),
        admin_token: chiffon_process::config::variable("CHIFFON_ADMIN_TOKEN").map(Into::into),
        traces: sending.traces(),
    };
    let orchestrator = Orchestrator::start(options(&config, parts)?, listener, tasks.clone()).await?;
    tracing::info!(%address, "ready at http://{address}");
    // An orchestrator carries no work of its own: everything it has begun stands in Postgres, and another goes on with it.
    wait_and_stop(&Spawner::new(tasks.shutdown().clone()), &tasks, Duration::ZERO, std::future::ready(())).await;
    orchestrator.leave().await;
    bus.close(Duration::from_secs(5)).await;
    sending.finish().await;
    outcome(&tasks)
}

/// The listener; a busy port is an error that names it.
pub async fn bind(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let busy = error.kind() == std::io::ErrorKind::AddrInUse;
        let message =
            if busy { format!("another program listens on {address}") } else { format!("{address} can't be listened on: {error}") };
        Failure::from(Problem::new(ErrorCode::PortBusy, message))
    })
}

/// How the process ends: well, or with why it could not go on.
pub fn outcome(tasks: &Spawner) -> Result<Exit, Failure> {
    match tasks.shutdown().failure() {
        None => Ok(Exit::Done),
        Some(reason) => Err(Failure::failed(format!("this process could not go on: {reason}"))),
    }
}

/// Waits for a signal (or a task's failure), then stops in two stages: first `working`, the tasks that carry work, take
/// nothing new and finish within the time; then everything leaves. A second signal leaves at once.
pub async fn wait_and_stop(working: &Spawner, tasks: &Spawner, finish_within: Duration, told: impl Future<Output = ()>) {
    let shutdown = tasks.shutdown().clone();
    tokio::select! {
        () = Shutdown::signal() => {}
        () = shutdown.stopping() => {}
    }
    shutdown.drain();
    // What is waited for is told while it is waited: whoever tells it may not answer any more.
    let finished = async { tokio::join!(told, working.finish(finish_within)).1 };
    tokio::select! {
        _ = finished => {}
        () = Shutdown::second_signal() => {}
    }
    shutdown.stop();
    working.finish(LEAVE_WITHIN).await;
    tasks.finish(LEAVE_WITHIN).await;
}

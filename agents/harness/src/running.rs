//! A worker that runs in a runtime of its own, so that a test can kill it like a process: nothing of it runs any further.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chiffon_process::{RandomIds, Shutdown, Spawner, SystemClock};
use chiffon_protocol::Problem;
use chiffon_protocol::message::WorkResult;
use chiffon_worker::{AgentKind, Ended, Worker, WorkerOptions, WorkerParts};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::kinds::FourCores;
use crate::orchestrator::Orchestrator;

/// The agent's id.
pub const AGENT: &str = "agent-1";
/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The worker in its runtime.
#[derive(Debug)]
pub struct RunningWorker {
    runtime: Option<Runtime>,
    /// Stops it.
    pub shutdown: Shutdown,
    ended: std::sync::mpsc::Receiver<Result<Ended, Problem>>,
}

/// Options with times that suit a test.
pub fn options(orchestrator: &Orchestrator, data_dir: &Path) -> WorkerOptions {
    WorkerOptions {
        heartbeat_every: Duration::from_millis(200),
        claim_ask_again: Duration::from_millis(300),
        result_again: Duration::from_millis(200),
        result_again_at_most: Duration::from_secs(1),
        ..WorkerOptions::new(AGENT, "test-host", orchestrator.agent_key.clone(), orchestrator.keyring(), data_dir)
    }
}

/// Waits for the result of a task.
pub async fn result_of(orchestrator: &Orchestrator, task_id: Uuid) -> WorkResult {
    let asked = async || {
        let results = orchestrator.results();
        results.iter().find(|result| result.task_id == task_id).cloned().ok_or(results)
    };
    chiffon_testkit::until("the result", PATIENCE, asked).await
}

impl RunningWorker {
    /// Starts it and waits until it has said hello.
    pub async fn start(orchestrator: &Orchestrator, data_dir: &Path, kind: Arc<dyn AgentKind>) -> Self {
        Self::start_with(orchestrator, options(orchestrator, data_dir), kind).await
    }

    /// The same with these options.
    ///
    /// # Panics
    /// When the journal is held, or it does not say hello.
    pub async fn start_with(orchestrator: &Orchestrator, options: WorkerOptions, kind: Arc<dyn AgentKind>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let shutdown = Shutdown::new();
        let parts = WorkerParts {
            bus: orchestrator.broker.connect(),
            clock: SystemClock::shared(),
            ids: RandomIds::shared(),
            kind,
            probe: Arc::new(FourCores),
            tasks: Spawner::new(shutdown.clone()),
        };
        let before = orchestrator.hellos().len();
        let worker = Worker::new(options, parts.clone()).expect("the journal is free");
        let (told, ended) = std::sync::mpsc::channel();
        {
            let _in_runtime = runtime.enter();
            parts.tasks.spawn("worker", async move {
                told.send(worker.run().await).ok();
            });
        }
        let hello = async || {
            let hellos = orchestrator.hellos();
            if hellos.len() > before { Ok(()) } else { Err(hellos.len()) }
        };
        chiffon_testkit::until("a hello", PATIENCE, hello).await;
        Self { runtime: Some(runtime), shutdown, ended }
    }

    /// Ends it like `kill -9`: no destructor of a run, no last word.
    pub fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Whether `run` has returned, and with what.
    pub fn ended(&self) -> Result<Result<Ended, Problem>, String> {
        self.ended.try_recv().map_err(|error| error.to_string())
    }
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        self.shutdown.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

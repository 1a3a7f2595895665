//! The no-op agent: a worker like any other (journal, claim, results), whose kind answers at once. What it measures is everything
//! around a run, and nothing of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use chiffon_bus::rabbit::{RabbitBus, RabbitOptions};
use chiffon_desktop::SystemProbe;
use chiffon_process::{RandomIds, Shutdown, Spawner, SystemClock};
use chiffon_protocol::action::ActionSpec;
use chiffon_protocol::canonical;
use chiffon_protocol::key::{KeyPair, Keyring};
use chiffon_protocol::kind::{INFRASTRUCTURE, Kind};
use chiffon_protocol::message::{AnnouncedAction, HostResult, HostStatus, WorkRequest};
use chiffon_worker::{AgentKind, Decline, NewEvent, RunContext, RunOutcome, Worker, WorkerOptions, WorkerParts};
use clap::Args;

/// How many events a run that does nothing has.
pub const EVENTS: i64 = 3;
/// How long the process may take to leave.
const LEAVES_WITHIN: Duration = Duration::from_secs(20);

const NOTHING_YML: &str = "\
name: do_nothing
title: Do nothing
description: Does nothing on a host, at once.
examples: [do nothing on h0001]
agent_type: infrastructure
target: {parameter: host}
parameters:
  type: object
  additionalProperties: false
  required: [host]
  properties:
    host: {type: string, format: inventory-host}
risk: low
repeatable: \"yes\"
check: none
timeout_seconds: 60
irreversible: it does nothing
";

const LINES_YML: &str = "\
name: say_lines
title: Say lines
description: Says so many lines about a host.
examples: [say 100 lines on h0001]
agent_type: infrastructure
target: {parameter: host}
parameters:
  type: object
  additionalProperties: false
  required: [host, lines]
  properties:
    host: {type: string, format: inventory-host}
    lines: {type: integer, minimum: 1, description: How many lines.}
risk: low
repeatable: \"yes\"
check: none
timeout_seconds: 3600
irreversible: it does nothing
";

/// What the agent has to be told; the broker's address stands in AMQP_URL.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// The broker
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    amqp_url: String,
    /// The agent's secret key
    #[arg(long)]
    key_file: PathBuf,
    /// The orchestrator's public key
    #[arg(long)]
    orchestrator: String,
    /// Where its journal lies
    #[arg(long)]
    data_dir: PathBuf,
    /// How many hosts it reaches
    #[arg(long)]
    hosts: usize,
    /// How many attempts run at once
    #[arg(long)]
    concurrency: usize,
}

/// The name of one of its hosts, from 1.
pub fn host(number: usize) -> String {
    format!("h{number:04}")
}

/// Works until a signal says to stop.
pub async fn run(args: AgentArgs) -> anyhow::Result<()> {
    chiffon_process::telemetry::init(chiffon_process::telemetry::Format::Json, "info,lapin=off");
    let tasks = Spawner::new(Shutdown::new());
    let bus = RabbitBus::start(RabbitOptions::new(args.amqp_url, "noop"), &tasks)?;
    let text = std::fs::read_to_string(&args.key_file)?;
    let key = KeyPair::from_secret_text(text.trim()).context("the key file holds no key")?;
    let orchestrator = args.orchestrator.parse().context("the orchestrator's key")?;
    let mut options = WorkerOptions::new("noop", "noop", key, Keyring::new([orchestrator]), args.data_dir);
    options.concurrency = args.concurrency;
    // Lines are to arrive, however many are asked for.
    options.max_log_bytes = 1024 * 1024 * 1024;
    let kind = Arc::new(Noop::new(args.hosts)?);
    let parts = WorkerParts {
        bus: bus.clone(),
        clock: SystemClock::shared(),
        ids: RandomIds::shared(),
        kind,
        probe: Arc::new(SystemProbe::new()),
        tasks: tasks.clone(),
    };
    let worker = Worker::new(options, parts)?;
    let shutdown = tasks.shutdown().clone();
    tasks.spawn("signal", async move {
        Shutdown::signal().await;
        shutdown.drain();
    });
    worker.run().await?;
    tasks.shutdown().stop();
    bus.close(Duration::from_secs(5)).await;
    tasks.finish(LEAVES_WITHIN).await;
    Ok(())
}

/// The kind.
#[derive(Debug)]
struct Noop {
    actions: Vec<AnnouncedAction>,
    hosts: Vec<String>,
}

impl Noop {
    fn new(hosts: usize) -> anyhow::Result<Self> {
        let announced = |text: &str| -> anyhow::Result<AnnouncedAction> {
            Ok(AnnouncedAction { spec: ActionSpec::from_yaml(text)?, sha256: canonical::sha256_hex(&text) })
        };
        Ok(Self { actions: vec![announced(NOTHING_YML)?, announced(LINES_YML)?], hosts: (1..=hosts).map(host).collect() })
    }
}

#[async_trait]
impl AgentKind for Noop {
    fn entry(&self) -> &Kind {
        &INFRASTRUCTURE
    }

    fn catalogue(&self) -> Vec<AnnouncedAction> {
        self.actions.clone()
    }

    fn hosts(&self) -> BTreeMap<String, Vec<String>> {
        BTreeMap::from([("all".to_owned(), self.hosts.clone())])
    }

    fn accepts(&self, work: &WorkRequest) -> Result<(), Decline> {
        let known = self.actions.iter().any(|action| action.spec.name == work.action && action.sha256 == work.action_sha256);
        if known { Ok(()) } else { Err(Decline::new(format!("it has no action `{}` with this content", work.action))) }
    }

    async fn run(&self, work: &WorkRequest, context: RunContext) -> RunOutcome {
        let host = work.hosts.first().cloned().unwrap_or_default();
        let event = |kind, text: &str| NewEvent {
            kind,
            host: Some(host.clone()),
            name: Some(work.title.clone()),
            text: text.to_owned(),
            diff: None,
        };
        let lines = work.parameters.get("lines").and_then(serde_json::Value::as_u64).unwrap_or(1);
        context.events.add(event("task_started", "Do nothing"));
        for number in 1..=lines {
            context.events.add(event("task_ok", &format!("line {number} of what a run says about a host in some sixty characters")));
            if number % 1_000 == 0 {
                tokio::task::yield_now().await;
            }
        }
        context.events.add(event("stats", "ok=1 changed=0 failed=0 skipped=0"));
        let mut outcome = RunOutcome::succeeded("nothing was done");
        outcome.exit_code = Some(0);
        outcome.hosts = work.hosts.iter().map(|host| done_on(host)).collect();
        outcome
    }
}

fn done_on(host: &str) -> HostResult {
    HostResult { host: host.to_owned(), status: HostStatus::Completed, ok: 1, ..HostResult::default() }
}

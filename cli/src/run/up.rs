//! `chiffon up`: everything on this machine, in one process, beside a private database and a private broker.
//!
//! It leaves nothing running when it stops, and never touches a server that was running before.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chiffon_bus::Bus;
use chiffon_bus::memory::MemoryBus;
use chiffon_nodes::{Durability, Listen, NodeError, PostgresNode, PostgresOptions, RabbitNode, RabbitOptions};
use chiffon_orchestrator::app::Orchestrator;
use chiffon_process::{Shutdown, Spawner, keyfile, telemetry};
use chiffon_protocol::{ErrorCode, Problem};
use nix::fcntl::Flock;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::demo_host::{self, DemoHost};
use super::kinds::{self, Folders, STARTERS};
use super::supervise::Supervised;
use super::traces::{self, Sending};
use super::{agent, backends, demo, keys, lock, logging, orchestrator, playbooks, serve, stopping, tips};
use crate::args::{Global, Up};
use crate::client::Api;
use crate::config::{self, BusDriver, Config};
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, Outcome};
use crate::show::table::text;
use crate::verb::login;

const DATABASE: &str = "chiffon";

/// Everything that has to live as long as the process, dropped in this order.
struct Running {
    buses: Vec<Arc<dyn Bus>>,
    orchestrator: Option<Orchestrator>,
    /// The agents' tasks, which finish what they do before the rest leaves.
    working: Spawner,
    tasks: Spawner,
    sending: Sending,
    demo_host: Option<DemoHost>,
    rabbitmq: Option<Supervised<RabbitNode>>,
    postgres: Option<Supervised<PostgresNode>>,
    data_dir: DataDir,
    url: String,
    _lock: Flock<File>,
}

/// Starts everything, and runs until a signal says to stop, or until the demo is over.
pub async fn run(global: &Global, args: &Up) -> Outcome {
    let config = read_config(global, args)?;
    logging::start(&config.log);
    // What is said wrong is said before anything is made or started.
    backends::check(&config)?;
    orchestrator::settings(&config)?;
    let playbooks = playbooks::find(args.playbooks.as_deref())?;
    let inventory = args.inventory.as_deref().map(demo_host::named).transpose()?;
    let data_dir = DataDir::choose(global.data_dir.as_deref())?;
    let lock = lock::lock(&data_dir).await?;
    // One that was killed has left where it listened; whoever listens there now is somebody else.
    std::fs::remove_file(data_dir.url()).ok();
    let started = Instant::now();
    let hold = telemetry::hold();
    // A signal while it starts must stop what has been started: the nodes stop when they are dropped.
    let running = tokio::select! {
        running = start(&config, (playbooks, inventory), data_dir, lock) => running?,
        () = Shutdown::signal() => return Ok(Exit::Done),
    };
    let outcome = if args.demo {
        drop(hold);
        let api = Api::at(&running.url, &read_token(&running.data_dir)?);
        tokio::select! {
            outcome = demo::run(&api, &running.data_dir) => outcome,
            () = Shutdown::signal() => Ok(Exit::Declined),
        }
    } else {
        let api = Api::at(&running.url, &read_token(&running.data_dir)?);
        let took = started.elapsed();
        // It runs, whatever comes of a greeting.
        let link = login::link(&api, &json!({})).await.ok().map(|link| text(&link["url"]));
        greet(&running, took, link.as_deref(), &tips::wishes(&api, running.demo_host.is_some()).await);
        drop(hold);
        let told = stopping::tell(&api, config.agent.drain_within);
        serve::wait_and_stop(&running.working, &running.tasks, config.agent.drain_within, told).await;
        serve::outcome(&running.tasks)
    };
    running.stop().await;
    outcome
}

fn read_config(global: &Global, args: &Up) -> Result<Config, Failure> {
    let mut layers = config::layers(global.config.as_deref())?;
    let flags = [("http.listen", &args.listen), ("database.url", &args.database_url), ("bus.url", &args.amqp_url)];
    for (key, value) in flags {
        if let Some(value) = value {
            layers = layers.with_flag(key, value);
        }
    }
    if let Some(driver) = args.bus {
        layers = layers.with_flag("bus.driver", driver);
    }
    let mut config: Config = layers.read()?;
    let origins = layers.origins()?;
    let is_default = |key: &str| origins.iter().filter(|origin| origin.key.starts_with(key)).all(|origin| origin.source == "default");
    if is_default("policy.high_risk_approvals") {
        // Two distinct approvers can't be had on one person's machine; who has them says so.
        config.policy.high_risk_approvals = 1;
    }
    if is_default("log.") {
        config.log = config::Log { format: telemetry::Format::Text, filter: "warn,lapin=off,sqlx=off".to_owned() };
    }
    Ok(config)
}

/// `folders` are the actions, and the inventory if one was named.
async fn start(config: &Config, folders: (PathBuf, Option<PathBuf>), data_dir: DataDir, lock: Flock<File>) -> Result<Running, Failure> {
    let listener = serve::bind(&config.http.listen).await?;
    let address = listener.local_addr()?;
    let (playbooks, named) = folders;
    let (inventory, demo_host) = demo_host::inventory(&data_dir, named, &playbooks)?;
    let tasks = Spawner::new(Shutdown::new());
    let sending = Sending::begin(config, traces::orchestrator())?;
    let (postgres, database_url) = database(config, &data_dir).await?;
    let (rabbitmq, connect) = broker(config, &data_dir).await?;
    let mut running = Running {
        buses: Vec::new(),
        orchestrator: None,
        working: Spawner::new(tasks.shutdown().clone()),
        tasks: tasks.clone(),
        sending,
        demo_host,
        rabbitmq: rabbitmq.map(|node| Supervised::watch(node, &tasks)),
        postgres: postgres.map(|node| Supervised::watch(node, &tasks)),
        url: format!("http://{address}"),
        data_dir: data_dir.clone(),
        _lock: lock,
    };
    keyfile::write_private(&data_dir.database_url(), &database_url)?;

    let hostname = agent::hostname(config);
    let orchestrator_key = keys::read_or_create(&data_dir.orchestrator_key())?;
    let public = orchestrator_key.public();
    let mut agents = Vec::new();
    let (startable, not_started) = kinds::startable(&STARTERS, config);
    for starter in &startable {
        let id = agent::default_id(starter.kind(), &hostname);
        let folder = data_dir.agent(&id);
        let key = keys::read_or_create(&folder.join("agent.key"))?;
        agents.push((*starter, id, folder, key));
    }
    let mut trusted = config.agents.trusted.clone();
    trusted.extend(agents.iter().map(|(_, _, _, key)| key.public()));
    let step = Step::begin("orchestrator");
    let bus = connect.bus(config, "chiffon-orchestrator", &tasks)?;
    running.buses.push(bus.clone());
    let token = keyfile::read_or_create(&data_dir.admin_token(), new_token_text)?;
    let parts = orchestrator::Parts {
        database_url,
        bus,
        key: orchestrator_key,
        trusted_agents: trusted,
        audit_repository: data_dir.audit_repository(),
        admin_token: Some(token.as_str().into()),
        traces: running.sending.traces(),
    };
    let started = Orchestrator::start(orchestrator::options(config, parts)?, listener, tasks.clone()).await?;
    running.orchestrator = Some(started);
    step.done(&running.url);

    let step = Step::begin("agents");
    let folders = Folders { playbooks, inventory };
    for (starter, id, folder, key) in agents {
        let bus = connect.bus(config, &id, &tasks)?;
        running.buses.push(bus.clone());
        let traces = running.sending.traces().of(traces::agent(&id));
        let parts = agent::Parts {
            starter,
            id,
            hostname: hostname.clone(),
            folder,
            key,
            orchestrator: public,
            folders: folders.clone(),
            bus,
            is_alone: false,
            traces,
        };
        agent::start(config, parts, &running.working).await?;
    }
    let api = Api::at(&running.url, &token);
    wait_for_agents(&api, startable.len(), &running.tasks).await?;
    let started = startable.iter().map(|starter| starter.words().to_owned());
    step.done(&started.chain(not_started).collect::<Vec<_>>().join(", "));
    keyfile::write_private(&data_dir.url(), &running.url)?;
    Ok(running)
}

fn new_token_text() -> String {
    chiffon_kernel::verbs::tokens::new_text().expose_secret().to_owned()
}

async fn database(config: &Config, data_dir: &DataDir) -> Result<(Option<PostgresNode>, String), Failure> {
    let configured = backends::database_url(config)?;
    let step = Step::begin("database");
    if !configured.is_empty() {
        step.done("the configured one");
        return Ok((None, configured));
    }
    let (node, url) = private_database(&data_dir.postgres()).await?;
    step.done("a private PostgreSQL");
    Ok((Some(node), url))
}

/// The private database in a folder, started, with its address.
pub async fn private_database(folder: &Path) -> Result<(PostgresNode, String), Failure> {
    let options = PostgresOptions {
        data_dir: folder.to_owned(),
        socket_dir: None,
        listen: Listen::SocketOnly,
        durability: Durability::Full,
        max_connections: 100,
    };
    let node = PostgresNode::start(options).await.map_err(|error| node_failure(&error))?;
    node.create_database(DATABASE).await.map_err(|error| node_failure(&error))?;
    let url = node.url(DATABASE);
    Ok((node, url))
}

/// How each part of this process reaches the broker.
enum Connect {
    RabbitMq(String),
    Memory(Arc<MemoryBus>),
}

impl Connect {
    fn bus(&self, config: &Config, name: &str, tasks: &Spawner) -> Result<Arc<dyn Bus>, Failure> {
        match self {
            Self::RabbitMq(url) => backends::rabbitmq(config, url, name, tasks),
            Self::Memory(bus) => Ok(bus.connect()),
        }
    }
}

async fn broker(config: &Config, data_dir: &DataDir) -> Result<(Option<RabbitNode>, Connect), Failure> {
    let configured = config::value_or_file(&config.bus.url, &config.bus.url_file, "bus.url_file")?;
    let step = Step::begin("broker");
    if config.bus.driver != BusDriver::Memory && !configured.is_empty() {
        step.done("the configured RabbitMQ");
        return Ok((None, Connect::RabbitMq(configured)));
    }
    let installed = chiffon_nodes::rabbitmq_is_installed();
    if config.bus.driver == BusDriver::Memory || config.bus.driver == BusDriver::Auto && !installed {
        let reason = if installed { "" } else { "; RabbitMQ is not installed (apt-get install rabbitmq-server)" };
        step.done(&format!("in this process: agents on other hosts can't join{reason}"));
        return Ok((None, Connect::Memory(MemoryBus::shared())));
    }
    let options = RabbitOptions { dir: data_dir.rabbitmq(), management: false };
    let node = RabbitNode::start(options).await.map_err(|error| node_failure(&error))?;
    let url = node.amqp_url("/");
    step.done("a private RabbitMQ");
    Ok((Some(node), Connect::RabbitMq(url)))
}

/// What a node's error means for a verb.
pub fn node_failure(error: &NodeError) -> Failure {
    let code = ErrorCode::from_number(error.code()).unwrap_or(ErrorCode::Internal);
    Problem::new(code, error.to_string()).into()
}

async fn wait_for_agents(api: &Api, wanted: usize, tasks: &Spawner) -> Result<(), Failure> {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let health = api.get("/health/ready", &[]).await;
        let agents =
            api.get("/agents", &[]).await.map(|listed| crate::client::rows(&listed).filter(|agent| agent["alive"] == true).count());
        match (&health, &agents) {
            (Ok(_), Ok(alive)) if *alive >= wanted => return Ok(()),
            _ if Instant::now() > deadline || tasks.shutdown().is_stopping() => {
                let why =
                    health.err().or(agents.err()).map_or_else(|| "the agents have not said hello".to_owned(), |failure| failure.message);
                return Err(Failure::failed(format!("not ready after a minute: {why}")));
            }
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn read_token(data_dir: &DataDir) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(data_dir.admin_token())?.trim().to_owned())
}

fn greet(running: &Running, took: Duration, link: Option<&str>, wishes: &[String]) {
    let root = running.data_dir.root().display().to_string();
    let root = shlex::try_quote(&root).unwrap_or_default();
    say!("\nChiffon is ready after {:.1} s at {}  (its reader: {}/docs)", took.as_secs_f64(), running.url, running.url);
    say!("Data, keys and the admin token are in {root}. Stop it with Ctrl-C.\n");
    let flag = if running.data_dir.root() == DataDir::choose(None).map(|default| default.root().to_owned()).unwrap_or_default() {
        String::new()
    } else {
        format!(" --data-dir {root}")
    };
    if let Some(link) = link {
        say!("Open this in a browser; it signs you in, once, within an hour (`chiffon{flag} login` makes another):\n  {link}\n");
    } else {
        say!("A link that signs a browser in could not be made now; `chiffon{flag} login` makes one.\n");
    }
    say!("Or try, in another terminal:");
    for wish in wishes {
        say!("  chiffon{flag} request \"{wish}\"");
    }
    say!("  chiffon{flag} agents");
    say!("  git -C {root}/audit.git log");
}

impl Running {
    async fn stop(self) {
        say!("Stopping …");
        self.tasks.shutdown().stop();
        self.working.finish(Duration::from_secs(10)).await;
        self.tasks.finish(Duration::from_secs(10)).await;
        if let Some(orchestrator) = &self.orchestrator {
            orchestrator.leave().await;
        }
        for bus in &self.buses {
            bus.close(Duration::from_secs(3)).await;
        }
        self.sending.finish().await;
        let files = [self.data_dir.url(), self.data_dir.database_url()];
        if let Some(node) = self.rabbitmq {
            node.stop().await;
        }
        if let Some(node) = self.postgres {
            node.stop().await;
        }
        for file in files {
            std::fs::remove_file(file).ok();
        }
    }
}

/// One line of progress: what, how, and how long it took.
struct Step {
    began: Instant,
    is_done: bool,
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.is_done {
            // What went wrong is told on a line of its own.
            say!("failed ({:.1} s)", self.began.elapsed().as_secs_f64());
        }
    }
}

impl Step {
    fn begin(name: &'static str) -> Self {
        write!(std::io::stderr(), "  {name:<13}").ok();
        Self { began: Instant::now(), is_done: false }
    }

    fn done(mut self, what: &str) {
        self.is_done = true;
        say!("{what} ({:.1} s)", self.began.elapsed().as_secs_f64());
    }
}

//! A whole system of a test's own, every part of which may be killed, frozen or cut off: a private PostgreSQL, a private RabbitMQ or a
//! virtual host of the test run's, one orchestrator, one agent, and a proxy on each connection. Leases and deadlines are seconds long.
//!
//! What really ran is told by the hosts: each attempt of its one action, `walk`, leaves a line where it begins and where it ends.

mod look;
mod walk;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use chiffon_nodes::{Durability, Listen, PostgresNode, PostgresOptions, RabbitNode};
use chiffon_testkit::FaultProxy;
use nix::sys::signal::Signal;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

pub use self::look::Lines;
use crate::api::{Api, eventually};
use crate::fleet::{Fleet, TOKEN};
use crate::home::Home;
use crate::model::HeldModel;
use crate::process::{Finished, Running};

/// The agent's id, as the records name it.
pub const AGENT: &str = "walker";
/// What a broker is asked for.
const OWN: &str = "a broker of the stage's own";
/// How long a stopped process may take to leave.
const LEAVES_WITHIN: Duration = Duration::from_mins(1);

/// What may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `chiffon serve`.
    Orchestrator,
    /// `chiffon agent infrastructure`.
    Agent,
    /// RabbitMQ.
    Broker,
    /// PostgreSQL.
    Database,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Orchestrator, Self::Agent, Self::Broker, Self::Database];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::Agent => "agent",
            Self::Broker => "broker",
            Self::Database => "database",
        }
    }
}

/// How a stage differs from the usual one.
#[derive(Debug, Clone, Default)]
pub struct StageOptions {
    /// Whether the broker is the stage's own, to be killed, frozen or spoken to. Its start is the longest of all.
    pub own_broker: bool,
    /// Whether plans are asked from [`Stage::model`] instead of being made offline.
    pub with_model: bool,
    /// Further variables of the orchestrator.
    pub orchestrator: Vec<(&'static str, String)>,
    /// Further variables of the agent.
    pub agent: Vec<(&'static str, String)>,
    /// Where the agent's journal lies; in the stage's folder when `None`.
    pub agent_data_dir: Option<PathBuf>,
    /// Whether the agent is not started.
    pub without_agent: bool,
}

/// The network between the parts.
#[derive(Debug)]
pub struct Links {
    /// From the orchestrator to the database.
    pub database: FaultProxy,
    /// From the orchestrator to the broker.
    pub orchestrator: FaultProxy,
    /// From the agent to the broker.
    pub agent: FaultProxy,
}

/// The whole of it.
#[derive(Debug)]
pub struct Stage {
    serve: Option<Running>,
    agent: Option<Running>,
    /// The network.
    pub links: Links,
    /// The model provider, where there is one.
    pub model: HeldModel,
    broker: Option<RabbitNode>,
    amqp_url: String,
    /// The database.
    pub database: PostgresNode,
    options: StageOptions,
    pool: PgPool,
    listen: String,
    orchestrator_key: String,
    agent_key: String,
    starts: u32,
    hosts: u32,
    // Last: everything lives in it.
    /// The folder around it.
    pub home: Home,
}

impl Stage {
    /// Starts everything and waits until the agent is alive.
    pub async fn start(options: StageOptions) -> Self {
        chiffon_process::telemetry::install_tls_provider();
        let home = Home::new();
        let folder = home.path();
        let postgres = PostgresOptions {
            data_dir: folder.join("postgres"),
            socket_dir: None,
            listen: Listen::Loopback,
            // It is killed, and what it has confirmed must be there.
            durability: Durability::Full,
            max_connections: 100,
        };
        // What it keeps is not looked at after the test, so it has no need to stop in order.
        let broker = async { if options.own_broker { RabbitNode::start_temporary().await.map(Some) } else { Ok(None) } };
        let (database, broker) = tokio::try_join!(PostgresNode::start(postgres), broker).expect("private servers start");
        let amqp_url = match &broker {
            Some(own) => own.amqp_url("/"),
            None => Fleet::new_vhost(&home).await.1,
        };
        database.create_database("chiffon").await.expect("a database");
        let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(5));
        let pool = pool.connect_lazy(&database.url("chiffon")).expect("an address");
        let links = Links {
            database: FaultProxy::to(database.port().expect("it listens")),
            orchestrator: FaultProxy::to(port_of(&amqp_url)),
            agent: FaultProxy::to(port_of(&amqp_url)),
        };
        let [orchestrator_key, agent_key] = ["orchestrator.key", "agent.key"]
            .map(|name| home.succeed(&["key", "new", folder.join(name).to_str().expect("UTF-8")]).trim().to_owned());
        walk::write(folder);
        let model = HeldModel::planning(walk::ACTION);
        let listen = Fleet::free_address();
        let mut stage = Self {
            serve: None,
            agent: None,
            links,
            model,
            broker,
            amqp_url,
            database,
            options,
            pool,
            listen,
            orchestrator_key,
            agent_key,
            starts: 0,
            hosts: 0,
            home,
        };
        stage.revive(Part::Orchestrator).await;
        if !stage.options.without_agent {
            stage.revive(Part::Agent).await;
            stage.agent_is_alive().await;
        }
        stage
    }

    /// The API as its administrator.
    pub fn api(&self) -> Api {
        Api::new(&format!("http://{}", self.listen), Some(TOKEN))
    }

    /// The API of another orchestrator of this stage.
    pub fn api_at(&self, address: &str) -> Api {
        Api::new(&format!("http://{address}"), Some(TOKEN))
    }

    /// Its own broker.
    ///
    /// # Panics
    /// When it was started without one ([`StageOptions::own_broker`]).
    pub fn broker(&self) -> &RabbitNode {
        self.broker.as_ref().expect(OWN)
    }

    /// The orchestrator's process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn serve(&mut self) -> &mut Running {
        self.serve.as_mut().expect("the orchestrator runs")
    }

    /// The agent's process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn agent(&mut self) -> &mut Running {
        self.agent.as_mut().expect("the agent runs")
    }

    /// Runs a client verb.
    pub fn verb(&self, args: &[&str]) -> Finished {
        let mut command = self.home.command(args);
        command.env("CHIFFON_URL", format!("http://{}", self.listen)).env("CHIFFON_TOKEN", TOKEN);
        command.output().expect("the binary starts").into()
    }

    /// Kills a part at once (`kill -9`) if it runs.
    pub async fn kill(&mut self, part: Part) {
        match part {
            Part::Orchestrator => drop(self.serve.take().map(|mut running| running.kill())),
            Part::Agent => drop(self.agent.take().map(|mut running| running.kill())),
            Part::Broker => self.broker.as_mut().expect(OWN).kill().await,
            Part::Database => self.database.kill().await,
        }
    }

    /// Freezes a part (`SIGSTOP`).
    pub fn freeze(&self, part: Part) {
        match part {
            Part::Orchestrator | Part::Agent => self.signal(part, Signal::SIGSTOP),
            Part::Broker => self.broker().pause(),
            Part::Database => self.database.pause(),
        }
    }

    /// Undoes [`Stage::freeze`].
    pub fn thaw(&self, part: Part) {
        match part {
            Part::Orchestrator | Part::Agent => self.signal(part, Signal::SIGCONT),
            Part::Broker => self.broker().resume(),
            Part::Database => self.database.resume(),
        }
    }

    /// Sends a signal to one of the processes of ours, if it runs.
    pub fn signal(&self, part: Part, signal: Signal) {
        let process = if part == Part::Agent { &self.agent } else { &self.serve };
        if let Some(running) = process {
            running.signal(signal);
        }
    }

    /// Starts a part that was killed or has ended, and waits until it answers (an agent: until it runs).
    pub async fn revive(&mut self, part: Part) {
        self.starts += 1;
        let log = self.home.path().join(format!("{}.{}.log", part.name(), self.starts));
        match part {
            Part::Orchestrator => {
                let mut running = Running::start(&mut self.serve_command(), &log);
                let address = self.listen.clone();
                eventually("the orchestrator listens", || {
                    assert!(running.ended().is_none(), "`chiffon serve` ended; it said:\n{}", running.said());
                    let address = address.clone();
                    async move { tokio::net::TcpStream::connect(address).await.map(drop).map_err(|error| error.to_string()) }
                })
                .await;
                self.serve = Some(running);
            }
            Part::Agent => self.agent = Some(Running::start(&mut self.agent_command(), &log)),
            Part::Broker => self.broker.as_mut().expect(OWN).restart().await.expect("the broker starts again"),
            Part::Database => self.database.restart().await.expect("the database starts again"),
        }
    }

    /// Stops everything in order.
    ///
    /// # Panics
    /// When a process does not leave by itself, or something was left running.
    pub fn stop(mut self) {
        for mut running in [self.agent.take(), self.serve.take()].into_iter().flatten() {
            assert_eq!(running.stop(LEAVES_WITHIN), Some(0), "{}", running.said());
        }
    }

    fn shared(&self, verb: &[&str], broker: u16) -> Command {
        let mut command = self.home.command(verb);
        command
            .env("AMQP_URL", through(&self.amqp_url, broker))
            .env("CHIFFON__LOG__FORMAT", "text")
            .env("CHIFFON__LOG__FILTER", "info,lapin=off,chiffon_kernel::http::answer=warn")
            .env("CHIFFON__BUS__HEARTBEAT", "2s")
            .env("CHIFFON__BUS__PUBLISH_TIMEOUT", "3s")
            .env("CHIFFON__ORCHESTRATOR__PUBLIC_KEY", &self.orchestrator_key)
            .env("CHIFFON__AGENTS__TRUSTED", format!("[\"{}\"]", self.agent_key));
        command
    }

    /// The orchestrator's command.
    pub fn serve_command(&self) -> Command {
        let mut command = self.shared(&["serve"], self.links.orchestrator.port());
        let folder = self.home.path();
        command
            .env("DATABASE_URL", through(&self.database.url("chiffon"), self.links.database.port()))
            .env("CHIFFON__DATABASE__ACQUIRE_TIMEOUT", "2s")
            .env("CHIFFON__DATABASE__STATEMENT_TIMEOUT", "4s")
            .env("CHIFFON__HTTP__LISTEN", &self.listen)
            .env("CHIFFON__ORCHESTRATOR__SIGNING_KEY_FILE", folder.join("orchestrator.key"))
            .env("CHIFFON__ORCHESTRATOR__AUDIT_REPOSITORY", folder.join("audit.git"))
            .env("CHIFFON__DISPATCH__AGENT_LEASE", "4s")
            .env("CHIFFON__DISPATCH__CLAIM_WITHIN", "4s")
            .env("CHIFFON__DISPATCH__RESEND_AFTER", "3s")
            .env("CHIFFON__DISPATCH__TICK", "500ms")
            .env("CHIFFON__PLANNING__LEASE", "4s")
            .env("CHIFFON__WATCH__CHECK_EVERY", "1s")
            .env("CHIFFON__WATCH__OVERDUE_AFTER", "10s")
            .env("CHIFFON_ADMIN_TOKEN", TOKEN);
        if self.options.with_model {
            command.env("CHIFFON__LLM__PROVIDERS", self.model.providers());
        }
        command.envs(self.options.orchestrator.iter().map(|(name, value)| (name, value)));
        command
    }

    fn agent_command(&self) -> Command {
        let mut command = self.shared(&["agent", "infrastructure"], self.links.agent.port());
        let folder = self.home.path();
        command
            .env("CHIFFON__AGENT__ID", AGENT)
            .env("CHIFFON__AGENT__HOSTNAME", AGENT)
            .env("CHIFFON__AGENT__KEY_FILE", folder.join("agent.key"))
            .env("CHIFFON__AGENT__DATA_DIR", self.agent_data_dir())
            .env("CHIFFON__AGENT__HEARTBEAT_EVERY", "500ms")
            .env("CHIFFON__AGENT__INFRASTRUCTURE__PLAYBOOKS", folder.join("actions"))
            .env("CHIFFON__AGENT__INFRASTRUCTURE__INVENTORY", folder.join("inventory.yml"))
            .env("CHIFFON__AGENT__INFRASTRUCTURE__ANSIBLE_PLAYBOOK", folder.join("ansible-playbook"));
        command.envs(self.options.agent.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Where the agent's journal lies.
    pub fn agent_data_dir(&self) -> PathBuf {
        self.options.agent_data_dir.clone().unwrap_or_else(|| self.home.path().join(AGENT))
    }
}

impl Drop for Stage {
    /// What is frozen could not leave.
    fn drop(&mut self) {
        for part in Part::ALL.into_iter().filter(|part| *part != Part::Broker || self.broker.is_some()) {
            self.thaw(part);
        }
        if std::thread::panicking() {
            for process in [&self.serve, &self.agent].into_iter().flatten() {
                eprintln!("--- at last it said:\n{}", process.last_words(60));
            }
        }
    }
}

fn port_of(url: &str) -> u16 {
    let (_, after) = url.rsplit_once(':').expect("an address with a port");
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a port")
}

/// The same address by way of a proxy.
fn through(url: &str, port: u16) -> String {
    let (before, after) = url.rsplit_once(':').expect("an address with a port");
    let rest = after.trim_start_matches(|character: char| character.is_ascii_digit());
    format!("{before}:{port}{rest}")
}

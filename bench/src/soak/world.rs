//! The system under load: two private servers, orchestrators and agents as processes, all of which faults may hit.

use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chiffon_e2e::{Home, Running};
use chiffon_nodes::{Durability, Listen, PostgresNode, PostgresOptions, RabbitNode, RabbitOptions};
use nix::sys::signal::Signal;
use tokio::sync::Mutex;

use crate::actions;
use crate::client::Client;

/// Any token of the right form: `chf_` and 32 bytes of base64url.
const TOKEN: &str = "chf_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `chiffon serve`.
    Orchestrator,
    /// `chiffon agent infrastructure`.
    Agent,
}

/// A process that is started again whenever it has ended.
#[derive(Debug)]
pub struct Part {
    /// Its kind.
    pub kind: Kind,
    /// Its name in the report.
    pub label: String,
    running: Option<Running>,
    starts: u32,
    environment: Vec<(&'static str, String)>,
}

/// Everything that runs.
#[derive(Debug)]
pub struct World {
    /// The folder around it.
    pub home: Home,
    /// The database's address.
    pub database_url: String,
    /// A client of the orchestrators.
    pub client: Client,
    /// The database.
    pub database: Mutex<PostgresNode>,
    /// The broker.
    pub broker: Mutex<RabbitNode>,
    /// Orchestrators, then agents.
    pub parts: Mutex<Vec<Part>>,
}

impl World {
    /// Starts everything and waits until the agents are connected.
    pub async fn start(orchestrators: usize, agents: usize) -> anyhow::Result<Self> {
        let home = Home::new();
        let folder = home.path().to_owned();
        let postgres = PostgresOptions {
            data_dir: folder.join("postgres"),
            socket_dir: None,
            listen: Listen::Loopback,
            // It will be killed, and what it has confirmed must be there.
            durability: Durability::Full,
            max_connections: 200,
        };
        let broker = RabbitOptions { dir: folder.join("rabbitmq"), management: true };
        let (database, broker) = tokio::try_join!(PostgresNode::start(postgres), RabbitNode::start(broker))?;
        database.create_database("chiffon").await?;
        let database_url = database.url("chiffon");
        let (actions, inventory) = actions::write(&folder)?;

        let key = |name: &str| -> anyhow::Result<String> {
            let file = folder.join(name);
            let file = file.to_str().context("the temporary folder's path is UTF-8")?;
            Ok(home.run(&["key", "new", file]).expect_code(0).stdout.trim().to_owned())
        };
        let orchestrator_key = key("orchestrator.key")?;
        let names: Vec<String> = (1..=agents).map(|number| format!("agent-{number}")).collect();
        let trusted: Vec<String> = names.iter().map(|name| key(&format!("{name}.key"))).collect::<Result<_, _>>()?;
        let listening: Vec<String> = (0..orchestrators).map(|_| free_address()).collect::<Result<_, _>>()?;

        let path = |name: &str| folder.join(name).display().to_string();
        let shared = [
            ("DATABASE_URL", database_url.clone()),
            ("AMQP_URL", broker.amqp_url("/")),
            ("CHIFFON__LOG__FILTER", "warn".to_owned()),
            ("CHIFFON__ORCHESTRATOR__PUBLIC_KEY", orchestrator_key),
            ("CHIFFON__BUS__HEARTBEAT", "3s".to_owned()),
            ("CHIFFON__BUS__PUBLISH_TIMEOUT", "5s".to_owned()),
            // Shorter than usual, so that many leases and deadlines pass.
            ("CHIFFON__DISPATCH__AGENT_LEASE", "10s".to_owned()),
            ("CHIFFON__DISPATCH__CLAIM_WITHIN", "8s".to_owned()),
            ("CHIFFON__DISPATCH__RESEND_AFTER", "8s".to_owned()),
            ("CHIFFON__PLANNING__LEASE", "20s".to_owned()),
            ("CHIFFON__RETRY__FIRST_DELAY", "2s".to_owned()),
            ("CHIFFON__RETRY__MARGIN", "30s".to_owned()),
        ];
        let mut parts = Vec::new();
        for (index, address) in listening.iter().enumerate() {
            let mut environment = shared.to_vec();
            environment.extend([
                ("CHIFFON__HTTP__LISTEN", address.clone()),
                ("CHIFFON__ORCHESTRATOR__SIGNING_KEY_FILE", path("orchestrator.key")),
                ("CHIFFON__ORCHESTRATOR__AUDIT_REPOSITORY", path("audit.git")),
                ("CHIFFON__AGENTS__TRUSTED", format!("[\"{}\"]", trusted.join("\",\""))),
                ("CHIFFON_ADMIN_TOKEN", TOKEN.to_owned()),
            ]);
            parts.push(Part::new(Kind::Orchestrator, format!("orchestrator-{}", index + 1), environment));
        }
        for name in names {
            let mut environment = shared.to_vec();
            environment.extend([
                ("CHIFFON__AGENT__ID", name.clone()),
                ("CHIFFON__AGENT__HOSTNAME", format!("{name}-machine")),
                ("CHIFFON__AGENT__KEY_FILE", path(&format!("{name}.key"))),
                ("CHIFFON__AGENT__DATA_DIR", path(&name)),
                ("CHIFFON__AGENT__HEARTBEAT_EVERY", "2s".to_owned()),
                ("CHIFFON__AGENT__INFRASTRUCTURE__PLAYBOOKS", actions.display().to_string()),
                ("CHIFFON__AGENT__INFRASTRUCTURE__INVENTORY", inventory.display().to_string()),
            ]);
            parts.push(Part::new(Kind::Agent, name, environment));
        }
        let client = Client::new(&listening, TOKEN)?;
        let world =
            Self { home, database_url, client, database: Mutex::new(database), broker: Mutex::new(broker), parts: Mutex::new(parts) };
        world.start_all().await;
        world.agents_are(agents).await?;
        Ok(world)
    }

    /// Starts whatever does not run.
    pub async fn start_all(&self) {
        for part in self.parts.lock().await.iter_mut() {
            part.start(&self.home);
        }
    }

    async fn agents_are(&self, count: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_mins(2);
        loop {
            let alive = self.client.items("/agents").await?.iter().filter(|agent| agent["alive"] == true).count();
            if alive >= count {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < deadline, "only {alive} of {count} agents are connected after two minutes");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Stops all processes in order; the labels of those that did not stop by themselves, or not with 0.
    pub async fn stop(self) -> Vec<String> {
        let mut parts = self.parts.into_inner();
        for part in &mut parts {
            part.signal(Signal::SIGTERM);
        }
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut disorderly = Vec::new();
        for part in &mut parts {
            let Some(running) = &mut part.running else { continue };
            let code = loop {
                match running.ended() {
                    Some(code) => break Some(code),
                    None if Instant::now() > deadline => break None,
                    None => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            };
            match code {
                Some(Some(0)) => {}
                Some(code) => disorderly.push(format!("{} ended with {code:?}; it said: {}", part.label, last_words(running))),
                None => {
                    disorderly.push(format!("{} did not stop within a minute; it said: {}", part.label, last_words(running)));
                    running.kill();
                }
            }
        }
        drop(parts);
        tokio::join!(self.database.into_inner().stop(), self.broker.into_inner().stop());
        disorderly.extend(self.home.leftovers().into_iter().map(|process| format!("left running: {process}")));
        disorderly
    }
}

impl Part {
    fn new(kind: Kind, label: String, environment: Vec<(&'static str, String)>) -> Self {
        Self { kind, label, running: None, starts: 0, environment }
    }

    /// Starts it unless it runs. It ends with us, however we end, and a Ctrl-C is for us alone.
    pub fn start(&mut self, home: &Home) {
        if self.running.is_some() {
            return;
        }
        self.starts += 1;
        let verb: &[&str] = match self.kind {
            Kind::Orchestrator => &["serve"],
            Kind::Agent => &["agent", "infrastructure"],
        };
        let chiffon = home.command(verb);
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(chiffon.get_program()).args(chiffon.get_args()).current_dir(home.path());
        for (name, value) in chiffon.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value))).process_group(0);
        self.running = Some(Running::start(&mut command, &self.log(home)));
    }

    fn log(&self, home: &Home) -> PathBuf {
        home.path().join(format!("{}.{}.log", self.label, self.starts))
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Running::pid)
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(running) = &self.running {
            running.signal(signal);
        }
    }

    /// Whether it has ended, which after a TERM it should.
    pub fn has_ended(&mut self) -> bool {
        let ended = self.running.as_mut().is_none_or(|running| running.ended().is_some());
        if ended {
            self.running = None;
        }
        ended
    }

    /// What it said at last, when it ended without being told to.
    pub fn crashed(&mut self) -> Option<String> {
        let running = self.running.as_mut()?;
        let code = running.ended()?;
        let words = format!("{} ended by itself with {code:?}; it said: {}", self.label, last_words(running));
        self.running = None;
        Some(words)
    }
}

fn last_words(running: &Running) -> String {
    let said = running.said();
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(6)..].join(" | ")
}

fn free_address() -> anyhow::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

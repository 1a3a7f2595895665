//! What is measured: a private PostgreSQL and RabbitMQ that keep what they confirm, one orchestrator and the no-op agent as processes
//! of their own. Settings are the product's own defaults.

use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chiffon_bench::processes;
use chiffon_e2e::{Api, Home, Running};
use chiffon_nodes::{Durability, Listen, PostgresNode, PostgresOptions, RabbitNode, RabbitOptions};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::time::Instant;

/// Any token of the right form: `chf_` and 32 bytes of base64url.
pub const TOKEN: &str = "chf_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// Hosts of the agent: as many tasks may run at once.
pub const HOSTS: usize = 2_000;
/// Attempts that the agent runs at once.
const CONCURRENCY: usize = 256;
const READY_WITHIN: Duration = Duration::from_mins(1);
const STOPS_WITHIN: Duration = Duration::from_mins(1);

/// Everything that runs.
#[derive(Debug)]
pub struct System {
    agent: Running,
    serve: Running,
    serve_command: Command,
    /// The database, as an administrator of it.
    pub pool: PgPool,
    /// The API, as its administrator.
    pub api: Api,
    /// Where the API listens, such as `127.0.0.1:8080`.
    pub listen: String,
    /// Whether statements are counted.
    pub counts_statements: bool,
    /// How often the measuring itself has asked the database.
    pub looks: AtomicU64,
    /// The broker.
    pub broker: RabbitNode,
    /// The database's node.
    pub database: PostgresNode,
    // Last: everything lives in it.
    /// The folder around it.
    pub home: Home,
}

impl System {
    /// Starts everything and waits until the agent is alive.
    pub async fn start() -> anyhow::Result<Self> {
        chiffon_process::telemetry::install_tls_provider();
        let home = Home::new();
        let folder = home.path().to_owned();
        let postgres = PostgresOptions {
            data_dir: folder.join("postgres"),
            socket_dir: None,
            listen: Listen::Loopback,
            durability: Durability::Full,
            max_connections: 100,
        };
        let broker = RabbitOptions { dir: folder.join("rabbitmq"), management: true };
        let (mut database, broker) = tokio::try_join!(PostgresNode::start(postgres), RabbitNode::start(broker))?;
        database.create_database("chiffon").await?;
        let counts_statements = count_statements(&mut database).await?;
        let pool = PgPoolOptions::new().max_connections(4).connect(&database.url("chiffon")).await?;
        check_durability(&pool).await?;

        let path = |name: &str| folder.join(name).display().to_string();
        let key = |name: &str| home.succeed(&["key", "new", &path(name)]).trim().to_owned();
        let (orchestrator_key, agent_key) = (key("orchestrator.key"), key("agent.key"));
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut serve = home.command(&["serve"]);
        serve
            .env("DATABASE_URL", database.url("chiffon"))
            .env("AMQP_URL", broker.amqp_url("/"))
            .env("CHIFFON__HTTP__LISTEN", &listen)
            .env("CHIFFON__ORCHESTRATOR__PUBLIC_KEY", &orchestrator_key)
            .env("CHIFFON__ORCHESTRATOR__SIGNING_KEY_FILE", path("orchestrator.key"))
            .env("CHIFFON__ORCHESTRATOR__AUDIT_REPOSITORY", path("audit.git"))
            .env("CHIFFON__AGENTS__TRUSTED", format!("[\"{agent_key}\"]"))
            .env("CHIFFON_ADMIN_TOKEN", TOKEN);
        let mut serve_command = serve;
        let serve = Running::start(&mut serve_command, &folder.join("serve.log"));
        let mut agent = Command::new(std::env::current_exe()?);
        agent.args(["agent", "--key-file", &path("agent.key"), "--orchestrator", &orchestrator_key, "--data-dir", &path("agent")]);
        agent.args(["--hosts", &HOSTS.to_string(), "--concurrency", &CONCURRENCY.to_string()]);
        agent.env("AMQP_URL", broker.amqp_url("/"));
        let agent = Running::start(&mut agent, &folder.join("agent.log"));
        let api = Api::new(&format!("http://{listen}"), Some(TOKEN));
        let mut system =
            Self { agent, serve, serve_command, pool, api, listen, counts_statements, looks: AtomicU64::new(0), broker, database, home };
        system.agent_is_alive().await?;
        Ok(system)
    }

    /// The processes that are measured, each with those below it.
    pub fn parts(&self) -> anyhow::Result<[(&'static str, u32); 4]> {
        let database = processes::pid_in(&self.database.dir().join("cluster/postmaster.pid")).context("the database's process id")?;
        let broker = processes::pid_in(&self.broker.dir().join("pid")).context("the broker's process id")?;
        Ok([("orchestrator", self.serve.pid()), ("PostgreSQL", database), ("RabbitMQ", broker), ("agent", self.agent.pid())])
    }

    /// How it is set up, for people.
    pub async fn settings(&self) -> anyhow::Result<Vec<String>> {
        let mut settings = Vec::new();
        for name in ["fsync", "synchronous_commit", "full_page_writes", "shared_buffers"] {
            let value: String = sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(&self.pool).await?;
            settings.push(format!("{name} {value}"));
        }
        settings.push(format!("quorum queues, {CONCURRENCY} runs at once on {HOSTS} hosts"));
        Ok(settings)
    }

    /// Stops the orchestrator, while its database is filled by others.
    pub fn stop_orchestrator(&mut self) {
        self.serve.stop(STOPS_WITHIN);
    }

    /// Starts it again.
    pub async fn start_orchestrator(&mut self) -> anyhow::Result<()> {
        self.serve = Running::start(&mut self.serve_command, &self.home.path().join("serve.log"));
        self.agent_is_alive().await
    }

    /// Stops all of it.
    pub async fn stop(mut self) {
        self.pool.close().await;
        self.agent.stop(STOPS_WITHIN);
        self.serve.stop(STOPS_WITHIN);
        tokio::join!(self.database.stop(), self.broker.stop());
    }

    async fn agent_is_alive(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            for (name, part) in [("orchestrator", &mut self.serve), ("agent", &mut self.agent)] {
                ensure!(part.ended().is_none(), "the {name} ended; it said:\n{}", part.last_words(20));
            }
            let seen = match self.api.try_get("/agents").await {
                Ok((200, listed)) if listed["items"].as_array().is_some_and(|agents| agents.iter().any(|agent| agent["alive"] == true)) => {
                    return Ok(());
                }
                Ok((status, body)) => format!("{status}: {body}"),
                Err(error) => error,
            };
            if Instant::now() > deadline {
                bail!("the agent is not alive after {READY_WITHIN:?}; at last: {seen}; it said:\n{}", self.agent.last_words(20));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Has the server count statements, where it came with what that takes: https://www.postgresql.org/docs/15/pgstatstatements.html
async fn count_statements(database: &mut PostgresNode) -> anyhow::Result<bool> {
    let url = database.url("chiffon");
    let connect = || PgPoolOptions::new().max_connections(1).connect(&url);
    let pool = connect().await?;
    let found: Option<String> =
        sqlx::query_scalar("SELECT name FROM pg_available_extensions WHERE name = 'pg_stat_statements'").fetch_optional(&pool).await?;
    if found.is_none() {
        return Ok(false);
    }
    sqlx::query("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'").execute(&pool).await?;
    pool.close().await;
    database.restart().await?;
    let pool = connect().await?;
    sqlx::query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").execute(&pool).await?;
    pool.close().await;
    Ok(true)
}

/// What is confirmed must be kept, or nothing of this is worth measuring.
async fn check_durability(pool: &PgPool) -> anyhow::Result<()> {
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(pool).await?;
        ensure!(value == "on", "the database has {name} = {value}");
    }
    Ok(())
}

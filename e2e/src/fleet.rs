//! `serve` and agents as processes of their own, on the test run's PostgreSQL and RabbitMQ.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use chiffon_nodes::shared;

use crate::api::{Api, eventually};
use crate::home::Home;
use crate::process::Running;

/// Any token of the right form: `chf_` and 32 bytes of base64url.
pub(crate) const TOKEN: &str = "chf_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// A database, a virtual host, keys and processes of one test.
#[derive(Debug)]
pub struct Fleet {
    /// Where all of it lives.
    pub home: Home,
    database_url: String,
    amqp_url: String,
    vhost: String,
    listen: String,
    orchestrator_key: String,
    agent_keys: Vec<String>,
}

impl Fleet {
    /// An empty one on the nodes of the test run.
    ///
    /// # Panics
    /// Outside of `make test`, which provides the nodes.
    pub async fn new() -> Self {
        chiffon_process::telemetry::install_tls_provider();
        let home = Home::new();
        let (name, amqp_url) = Self::new_vhost(&home).await;
        let database_url = new_database(&name);
        Self { vhost: name, ..Self::on(home, database_url, amqp_url) }
    }

    /// A virtual host for this home on the broker of the test run; its name and its address.
    pub(crate) async fn new_vhost(home: &Home) -> (String, String) {
        let name = name_of(home);
        shared::management().expect("make test").create_vhost(&name).await.expect("a virtual host");
        let amqp_url = shared::amqp_url(&name).expect("make test");
        (name, amqp_url)
    }

    /// One with this broker's address, which may lead nowhere.
    pub fn with_broker(amqp_url: &str) -> Self {
        let home = Home::new();
        let database_url = new_database(&name_of(&home));
        Self::on(home, database_url, amqp_url.to_owned())
    }

    fn on(home: Home, database_url: String, amqp_url: String) -> Self {
        let listen = Self::free_address();
        let key = |name: &str| {
            let file = home.path().join(name);
            home.run(&["key", "new", file.to_str().expect("UTF-8")]).expect_code(0).stdout.trim().to_owned()
        };
        let orchestrator_key = key("orchestrator.key");
        let agent_keys = vec![key("infrastructure.key"), key("desktop.key")];
        Self { home, database_url, amqp_url, vhost: String::new(), listen, orchestrator_key, agent_keys }
    }

    /// A command with everything configured by variables.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(args);
        let file = |name: &str| self.home.path().join(name);
        let trusted: Vec<String> = self.agent_keys.iter().map(|key| format!("\"{key}\"")).collect();
        command
            .env("DATABASE_URL", &self.database_url)
            .env("AMQP_URL", &self.amqp_url)
            .env("CHIFFON__HTTP__LISTEN", &self.listen)
            .env("CHIFFON__ORCHESTRATOR__SIGNING_KEY_FILE", file("orchestrator.key"))
            .env("CHIFFON__ORCHESTRATOR__PUBLIC_KEY", &self.orchestrator_key)
            .env("CHIFFON__ORCHESTRATOR__AUDIT_REPOSITORY", file("audit.git"))
            .env("CHIFFON__AGENTS__TRUSTED", format!("[{}]", trusted.join(",")))
            .env("CHIFFON_ADMIN_TOKEN", TOKEN);
        command
    }

    /// Starts an orchestrator and waits until it answers.
    pub async fn serve(&self) -> Running {
        self.serve_with(self.command(&["serve"]), &self.listen).await
    }

    /// Starts an orchestrator with a command of its own, and waits until it answers at this address.
    pub async fn serve_with(&self, mut command: Command, listen: &str) -> Running {
        let log = self.home.path().join(format!("serve-{}.log", listen.replace(':', "-")));
        let mut running = Running::start(&mut command, &log);
        let listen = listen.to_owned();
        eventually("the orchestrator listens", || {
            assert!(running.ended().is_none(), "`chiffon serve` ended; it said:\n{}", running.said());
            let listen = listen.clone();
            async move { tokio::net::TcpStream::connect(listen).await.map(drop).map_err(|error| error.to_string()) }
        })
        .await;
        running
    }

    /// Its virtual host on the broker of the test run.
    pub fn vhost(&self) -> &str {
        &self.vhost
    }

    /// How many rows there are: a table, and which of its rows count.
    ///
    /// # Panics
    /// When the database can't say.
    pub fn count(&self, rows: &str) -> usize {
        let statement = format!("SELECT count(*) FROM {rows}");
        let output = Command::new("psql").args([self.database_url.as_str(), "-qAtc", &statement]).output().expect("psql runs");
        let said = String::from_utf8_lossy(&output.stdout).trim().parse();
        said.unwrap_or_else(|_| panic!("{statement}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Its administrator's token.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// Every row of every table, as `pg_dump` writes it.
    ///
    /// # Panics
    /// When it can't.
    pub fn dump(&self) -> String {
        let output = Command::new("pg_dump").args(["--data-only", &self.database_url]).output().expect("pg_dump runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Where its orchestrator listens.
    pub fn listen(&self) -> &str {
        &self.listen
    }

    /// An address that nobody listens on.
    ///
    /// # Panics
    /// When the machine has none left.
    pub fn free_address() -> String {
        TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string()
    }

    /// The command of an agent with these actions and this inventory.
    pub fn agent_command(&self, kind: &str, actions: &PathBuf, inventory: &PathBuf) -> Command {
        let mut command = self.command(&["agent", kind]);
        command
            .env("CHIFFON__AGENT__KEY_FILE", self.home.path().join(format!("{kind}.key")))
            .env("CHIFFON__AGENT__DATA_DIR", self.home.path().join(kind))
            .env("CHIFFON__AGENT__INFRASTRUCTURE__PLAYBOOKS", actions)
            .env("CHIFFON__AGENT__INFRASTRUCTURE__INVENTORY", inventory);
        command
    }

    /// Starts an agent with these actions and this inventory.
    pub fn agent(&self, kind: &str, actions: &PathBuf, inventory: &PathBuf) -> Running {
        Running::start(&mut self.agent_command(kind, actions, inventory), &self.home.path().join(format!("{kind}.log")))
    }

    /// The API as its administrator.
    pub fn api(&self) -> Api {
        self.api_at(&self.listen)
    }

    /// The same at another address.
    pub fn api_at(&self, listen: &str) -> Api {
        Api::new(&format!("http://{listen}"), Some(TOKEN))
    }

    /// Waits until this many agents are alive.
    pub async fn agents_are(&self, count: usize) {
        let api = self.api();
        eventually(&format!("{count} agents are alive"), || async {
            let (_, listed) = api.get("/agents").await;
            let alive = listed["items"].as_array().map_or(0, |agents| agents.iter().filter(|agent| agent["alive"] == true).count());
            if alive == count { Ok(()) } else { Err(listed.to_string()) }
        })
        .await;
    }

    /// An inventory with one local host `box`, rooted in a folder; the file and the folder.
    pub fn one_host(&self) -> (PathBuf, PathBuf) {
        one_host(&self.home)
    }
}

/// An inventory with one local host `box`, rooted in a folder; the file and the folder.
///
/// # Panics
/// When it can't be written.
pub fn one_host(home: &Home) -> (PathBuf, PathBuf) {
    let (file, root) = (home.path().join("inventory.yml"), home.path().join("host"));
    fs::create_dir_all(&root).expect("a folder");
    let text = format!(
        "all:\n  hosts:\n    box:\n      ansible_connection: local\n      ansible_python_interpreter: /usr/bin/python3\n      chiffon_root: {}\n",
        root.display()
    );
    fs::write(&file, text).expect("an inventory");
    (file, root)
}

/// A name that only this home has.
fn name_of(home: &Home) -> String {
    home.path().file_name().expect("a name").to_string_lossy().to_lowercase().replace(['-', '.'], "_")
}

fn new_database(name: &str) -> String {
    let admin = shared::database_url().expect("make test");
    let status = Command::new("psql").args([admin.as_str(), "-q", "-c", &format!("CREATE DATABASE {name}")]).status().expect("psql runs");
    assert!(status.success(), "a database for the test");
    let (base, _) = admin.rsplit_once('/').expect("an address ends with a database");
    format!("{base}/{name}")
}

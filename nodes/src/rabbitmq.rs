//! A private RabbitMQ node in a folder of its own, reached on loopback only.
//!
//! It has its own Erlang port mapper, its own ports (kept in `port`, so that a restart is found where it was) and, in the
//! place of `guest`, one user with a generated password (kept in `password`, mode 0600).

mod cluster;
mod management;
mod member;
mod settings;

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

pub use self::cluster::RabbitCluster;
pub use self::management::Management;
use self::member::Member;
use self::settings::Settings;
use crate::account::Account;
use crate::guard::{Guard, Orders};
use crate::postgres::{pid, temporary_folder};
use crate::{NodeError, find, folder, ports, secret, tree};

/// What errors call it.
pub(crate) const SERVER: &str = "RabbitMQ";
const USER: &str = "chiffon";
/// AMQP, epmd, distribution, five for command-line tools, and management.
const PORTS: u16 = 12;
const READY_WITHIN: Duration = Duration::from_mins(2);
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// How a node is to be.
#[derive(Debug, Clone)]
pub struct RabbitOptions {
    /// The node's folder; made when it isn't there.
    pub dir: PathBuf,
    /// Whether the management API runs, by which virtual hosts are made and queues inspected.
    pub management: bool,
}

/// A running broker. Dropping it stops it.
#[derive(Debug)]
pub struct RabbitNode {
    // Dropped first: it stops the server while the folder is there.
    guard: Option<Guard>,
    server: Option<Child>,
    settings: Settings,
    temporary: Option<tempfile::TempDir>,
}

impl RabbitNode {
    /// Starts the node and waits until it takes connections.
    ///
    /// What a killed predecessor has left running in the folder is stopped first.
    pub async fn start(options: RabbitOptions) -> Result<Self, NodeError> {
        Self::start_in(options, None, None).await
    }

    /// A node with the management API that is removed when it stops.
    pub async fn start_temporary() -> Result<Self, NodeError> {
        Self::start_temporary_as(None).await
    }

    async fn start_temporary_as(member: Option<Member>) -> Result<Self, NodeError> {
        let temporary = temporary_folder("chiffon-rabbitmq-")?;
        let options = RabbitOptions { dir: temporary.path().join("rabbitmq"), management: true };
        Self::start_in(options, Some(temporary), member).await
    }

    async fn start_in(options: RabbitOptions, temporary: Option<tempfile::TempDir>, member: Option<Member>) -> Result<Self, NodeError> {
        let program = find::rabbitmq()?;
        let account = Account::for_server(SERVER, "rabbitmq")?;
        let dir = folder::prepare(&options.dir, account.as_ref())?;
        let orders = Orders {
            dir: dir.clone(),
            pid_file: dir.join("pid"),
            // SIGTERM stops it in order; what is removed afterwards needs no order.
            signal: if temporary.is_some() { Signal::SIGKILL } else { Signal::SIGTERM },
            grace_seconds: 20,
            remove: temporary.iter().map(|folder| folder.path().to_owned()).collect(),
        };
        Guard::clear(&Orders { remove: Vec::new(), ..orders.clone() }).await?;
        folder::make_private(&dir, account.as_ref())?;
        if let Some(member) = &member {
            member.write_secrets(&dir, account.as_ref())?;
        }
        let password = secret::password(&dir.join("password"))?;
        let port = port(&dir)?;
        let settings = Settings { program, dir, port, password, account, management: options.management, member };
        let guard = Guard::post(&orders)?;
        let mut node = Self { guard: Some(guard), server: None, settings, temporary };
        while let Err(failed) = node.start_server().await {
            node.kill().await;
            if ports::is_free(node.settings.port, PORTS) {
                return Err(failed);
            }
            // Another program took one of its ports between the look at them and the server's own attempt.
            node.settings.port = self::port(&node.settings.dir)?;
        }
        Ok(node)
    }

    /// How clients reach a virtual host of this node.
    pub fn amqp_url(&self, vhost: &str) -> String {
        self.settings.amqp_url(vhost)
    }

    /// Where the management API answers, with user and password; `None` where it was not asked for.
    pub fn management_url(&self) -> Option<String> {
        self.settings.management_url()
    }

    /// The management API; an error where it was not asked for.
    pub fn management(&self) -> Result<Management, NodeError> {
        let url = self
            .management_url()
            .ok_or_else(|| NodeError::Management { what: "be called".to_owned(), why: "the node was started without it".to_owned() })?;
        Management::at(&url)
    }

    /// The port of AMQP.
    pub fn port(&self) -> u16 {
        self.settings.port
    }

    /// Its name among Erlang's nodes.
    pub fn name(&self) -> String {
        self.settings.node_name()
    }

    /// The folder of the node.
    pub fn dir(&self) -> &Path {
        &self.settings.dir
    }

    /// Makes a virtual host in which the node's user may do everything.
    pub async fn create_vhost(&self, name: &str) -> Result<(), NodeError> {
        self.management()?.create_vhost(name).await
    }

    /// The queues of a virtual host with their arguments, as the broker reports them.
    pub async fn queue_arguments(&self, vhost: &str) -> Result<serde_json::Value, NodeError> {
        self.management()?.queue_arguments(vhost).await
    }

    /// Runs `rabbitmqctl` against the node; what it printed.
    pub async fn ctl(&self, arguments: &[&str]) -> Result<String, NodeError> {
        let mut command = tokio::process::Command::from(self.settings.ctl());
        let output = command.args(arguments).kill_on_drop(true).output().await.map_err(NodeError::folder(&self.settings.program))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(NodeError::Command {
            program: "rabbitmqctl".to_owned(),
            what: arguments.join(" "),
            output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    /// Kills every process of the node at once (`kill -9`), and waits until they are gone.
    pub async fn kill(&mut self) {
        let pids = self.processes();
        tree::signal(&pids, Signal::SIGKILL);
        tree::gone(&pids, STOP_WITHIN).await;
        self.reap();
    }

    /// Freezes every process of the node: it holds its connections and answers nothing.
    pub fn pause(&self) {
        tree::signal(&self.processes(), Signal::SIGSTOP);
    }

    /// Undoes [`RabbitNode::pause`].
    pub fn resume(&self) {
        tree::signal(&self.processes(), Signal::SIGCONT);
    }

    /// Stops it in order if it runs, and starts it again where it was.
    pub async fn restart(&mut self) -> Result<(), NodeError> {
        self.resume();
        if let Some(server) = &self.server {
            let main = [pid(server)];
            tree::signal(&main, Signal::SIGTERM);
            tree::gone(&main, STOP_WITHIN).await;
        }
        // The port mapper and the helpers, and the node itself if it did not stop in time.
        self.kill().await;
        if !ports::is_free(self.settings.port, PORTS) {
            return Err(NodeError::PortBusy { server: SERVER, port: self.settings.port });
        }
        self.start_server().await
    }

    /// How the server ended, if it did so by itself.
    pub fn ended(&mut self) -> Option<String> {
        let server = self.server.as_mut()?;
        let status = server.try_wait().ok()??;
        // Its pid may be somebody else's from now on.
        self.server = None;
        Some(format!("it ended ({status})"))
    }

    /// Starts a server that has ended by itself again, where it was. What it has left running is killed.
    pub async fn revive(&mut self) -> Result<(), NodeError> {
        drop(self.ended());
        self.kill().await;
        self.start_server().await
    }

    /// Stops it in order and waits until nothing of it runs.
    pub async fn stop(mut self) {
        if let Some(guard) = self.guard.take() {
            guard.release().await;
        }
    }

    fn processes(&self) -> Vec<Pid> {
        processes(&self.settings.dir)
    }

    fn reap(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.wait().ok();
        }
    }

    async fn start_server(&mut self) -> Result<(), NodeError> {
        self.settings.write()?;
        let log = self.settings.log();
        let server = self.server.insert(self.settings.spawn()?);
        let deadline = Instant::now() + READY_WITHIN;
        for port in self.settings.ports_to_wait_for() {
            while !ports::are_listening(|| processes(&self.settings.dir), port) {
                let ended = server.try_wait().map_err(NodeError::folder(&log))?;
                if let Some(status) = ended {
                    return Err(NodeError::did_not_start(SERVER, format!("it ended ({status})"), &log));
                }
                if Instant::now() > deadline {
                    let why = format!("it was not ready within {} s", READY_WITHIN.as_secs());
                    return Err(NodeError::did_not_start(SERVER, why, &log));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }
}

impl Drop for RabbitNode {
    fn drop(&mut self) {
        drop(self.guard.take());
        self.reap();
        drop(self.temporary.take());
    }
}

fn processes(dir: &Path) -> Vec<Pid> {
    tree::with_descendants(tree::marked(tree::MARKER, dir))
}

/// The ports that clients have seen before, while they are free.
fn port(dir: &Path) -> Result<u16, NodeError> {
    let path = dir.join("port");
    if let Some(port) = folder::read_number(&path).filter(|port| ports::is_free(*port, PORTS)) {
        return Ok(port);
    }
    let port = ports::free_range(PORTS)?;
    folder::write_private(&path, &port.to_string())?;
    Ok(port)
}

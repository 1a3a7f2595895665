//! Three private RabbitMQ nodes that are one broker: what a quorum queue needs to survive the loss of one.
//!
//! Each node has a folder, ports and a guard of its own and is killed, paused and restarted like any other. They find each
//! other by a port mapper that belongs to none of them, so that killing a node takes nothing from the others.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;

use super::member::Member;
use super::{RabbitNode, SERVER};
use crate::account::Account;
use crate::guard::{Guard, Orders};
use crate::postgres::temporary_folder;
use crate::tree::MARKER;
use crate::{NodeError, find, folder, ports, secret};

/// A running cluster. Dropping it stops all of it.
#[derive(Debug)]
pub struct RabbitCluster {
    // Dropped before the port mapper.
    nodes: [RabbitNode; 3],
    _mapper: PortMapper,
}

impl RabbitCluster {
    /// Three nodes with the management API that are removed when they stop.
    pub async fn start_temporary() -> Result<Self, NodeError> {
        let mapper = PortMapper::start()?;
        let (cookie, password) = (secret::password(&mapper.file("cookie"))?, secret::password(&mapper.file("password"))?);
        let start = |number: usize| {
            RabbitNode::start_temporary_as(Some(Member {
                name: format!("chiffon-{number}@localhost"),
                epmd_port: mapper.port,
                cookie: cookie.clone(),
                password: password.clone(),
            }))
        };
        let (first, second, third) = tokio::try_join!(start(1), start(2), start(3))?;
        // By hand, because the discovery of 4.0 asks for its peers through a node of its own, which these settings leave hanging:
        // https://www.rabbitmq.com/docs/clustering#creating
        for node in [&second, &third] {
            node.ctl(&["stop_app"]).await?;
            node.ctl(&["join_cluster", &first.name()]).await?;
            node.ctl(&["start_app"]).await?;
        }
        Ok(Self { nodes: [first, second, third], _mapper: mapper })
    }

    /// How clients reach a virtual host: every node, in order, separated by commas.
    pub fn amqp_url(&self, vhost: &str) -> String {
        let urls: Vec<String> = self.nodes.iter().map(|node| node.amqp_url(vhost)).collect();
        urls.join(",")
    }

    /// The nodes; what is asked of one through its management API is true of all.
    pub fn nodes(&self) -> &[RabbitNode; 3] {
        &self.nodes
    }

    /// One of them, to be killed, paused or restarted.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn node(&mut self, index: usize) -> &mut RabbitNode {
        &mut self.nodes[index]
    }
}

/// An Erlang port mapper of its own, on loopback.
#[derive(Debug)]
struct PortMapper {
    // Dropped first: it stops the mapper while the folder is there.
    guard: Option<Guard>,
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl PortMapper {
    fn start() -> Result<Self, NodeError> {
        let program = find::epmd()?;
        let account = Account::for_server(SERVER, "rabbitmq")?;
        let temporary = temporary_folder("chiffon-epmd-")?;
        let dir = folder::prepare(temporary.path(), account.as_ref())?;
        let orders = Orders {
            dir: dir.clone(),
            pid_file: dir.join("pid"),
            signal: Signal::SIGKILL,
            grace_seconds: 5,
            remove: vec![temporary.path().to_owned()],
        };
        let port = ports::free_range(1)?;
        let guard = Guard::post(&orders)?;
        let log = dir.join("epmd.log");
        let out = File::create(&log).map_err(NodeError::folder(&log))?;
        let errors = out.try_clone().map_err(NodeError::folder(&log))?;
        let mut command = Command::new(&program);
        command
            .args(["-port", &port.to_string(), "-address", "127.0.0.1"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env(MARKER, &dir)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .process_group(0);
        if let Some(account) = &account {
            account.run(&mut command);
        }
        let process = command.spawn().map_err(|source| NodeError::did_not_start(SERVER, source.to_string(), &log))?;
        Ok(Self { guard: Some(guard), process, port, folder: temporary })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for PortMapper {
    fn drop(&mut self) {
        drop(self.guard.take());
        self.process.wait().ok();
    }
}

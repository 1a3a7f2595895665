//! The files and the environment that make a RabbitMQ node private: https://www.rabbitmq.com/docs/configure

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::member::Member;
use super::{SERVER, USER};
use crate::account::Account;
use crate::secret::Password;
use crate::tree::MARKER;
use crate::{NodeError, folder};

const MANAGEMENT_OFFSET: u16 = 10;

/// What belongs to a node whether it runs or not.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) program: PathBuf,
    pub(super) dir: PathBuf,
    /// The first port of the node's range.
    pub(super) port: u16,
    pub(super) password: Password,
    pub(super) account: Option<Account>,
    pub(super) management: bool,
    /// What makes it one of several.
    pub(super) member: Option<Member>,
}

impl Settings {
    pub(super) fn amqp_url(&self, vhost: &str) -> String {
        let vhost = vhost.replace('%', "%25").replace('/', "%2f");
        format!("amqp://{USER}:{}@127.0.0.1:{}/{vhost}", self.password.reveal(), self.port)
    }

    pub(super) fn management_url(&self) -> Option<String> {
        let port = self.port + MANAGEMENT_OFFSET;
        self.management.then(|| format!("http://{USER}:{}@127.0.0.1:{port}", self.password.reveal()))
    }

    /// No machine's name in it: the folder survives a new hostname.
    pub(super) fn node_name(&self) -> String {
        self.member.as_ref().map_or_else(|| "chiffon@localhost".to_owned(), |member| member.name.clone())
    }

    pub(super) fn ports_to_wait_for(&self) -> impl Iterator<Item = u16> + use<> {
        [Some(self.port), self.management.then_some(self.port + MANAGEMENT_OFFSET)].into_iter().flatten()
    }

    /// What the node says while it starts; its own log is in `log/`.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("rabbitmq.out")
    }

    /// Writes the configuration, which the node's user reads and nobody else.
    pub(super) fn write(&self) -> Result<(), NodeError> {
        let plugins = if self.management { "[rabbitmq_management].\n" } else { "[].\n" };
        let mut lines = vec![
            // `guest` is never made: these take its place when the node starts for the first time.
            format!("default_user = {USER}"),
            format!("default_pass = {}", self.password.reveal()),
            "log.console = false".to_owned(),
            // A laptop has other things to keep in memory; beyond this, publishers are held back.
            "vm_memory_high_watermark.relative = 0.2".to_owned(),
            "disk_free_limit.absolute = 200MB".to_owned(),
        ];
        if self.management {
            lines.push(format!("management.tcp.port = {}", self.port + MANAGEMENT_OFFSET));
            lines.push("management.tcp.ip = 127.0.0.1".to_owned());
        }
        lines.extend(self.member.as_ref().map(|_| Member::configuration()));
        let files = [("rabbitmq.conf", lines.join("\n") + "\n"), ("plugins", plugins.to_owned())];
        for (name, text) in files {
            let path = self.dir.join(name);
            folder::write_private(&path, &text)?;
            if let Some(account) = &self.account {
                account.own(&path)?;
            }
        }
        Ok(())
    }

    /// Starts the server. Nothing of the node may be running.
    pub(super) fn spawn(&self) -> Result<Child, NodeError> {
        let log = self.log();
        fs::remove_file(self.dir.join("pid")).ok();
        let out = File::create(&log).map_err(NodeError::folder(&log))?;
        let errors = out.try_clone().map_err(NodeError::folder(&log))?;
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .envs(self.environment())
            .env(MARKER, &self.dir)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .process_group(0);
        if let Some(account) = &self.account {
            account.run(&mut command);
        }
        command.spawn().map_err(|source| NodeError::did_not_start(SERVER, source.to_string(), &log))
    }

    /// `rabbitmqctl` for this node.
    pub(super) fn ctl(&self) -> Command {
        let mut command = Command::new(self.program.with_file_name("rabbitmqctl"));
        command.env_clear().envs(self.environment()).current_dir(&self.dir).stdin(Stdio::null());
        if let Some(account) = &self.account {
            account.run(&mut command);
        }
        command
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let port = |offset: u16| (self.port + offset).to_string();
        let epmd_port = self.member.as_ref().map_or_else(|| port(1), |member| member.epmd_port.to_string());
        let path = |name: &str| self.dir.join(name).display().to_string();
        vec![
            ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
            // The Erlang cookie is made there.
            ("HOME", self.dir.display().to_string()),
            // Its own port mapper, or its cluster's, so that the system's one neither knows nor outlives the node.
            ("ERL_EPMD_PORT", epmd_port),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODENAME", self.node_name()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODE_PORT", port(0)),
            ("RABBITMQ_DIST_PORT", port(2)),
            ("RABBITMQ_CTL_DIST_PORT_MIN", port(3)),
            ("RABBITMQ_CTL_DIST_PORT_MAX", port(7)),
            ("RABBITMQ_MNESIA_BASE", path("mnesia")),
            ("RABBITMQ_LOG_BASE", path("log")),
            ("RABBITMQ_PID_FILE", path("pid")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
            // Without its extension, as the server wants it.
            ("RABBITMQ_CONFIG_FILE", path("rabbitmq")),
            // A file that isn't there, in the place of the system's /etc/rabbitmq/rabbitmq-env.conf and advanced.config.
            ("RABBITMQ_CONF_ENV_FILE", path("none")),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", path("none.config")),
            // The launcher becomes the server instead of waiting beside it, so that a signal meets the server.
            ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
            // Distribution on loopback only; two schedulers that don't spin are plenty here.
            (
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none +S 2:2".to_owned(),
            ),
        ]
    }
}

//! A private RabbitMQ node.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::postgres::tail;
use crate::{NodeError, find, ports, process};

const READY_WITHIN: Duration = Duration::from_secs(90);
/// AMQP, epmd, distribution, the range for its tools, management.
const PORTS: u16 = 12;
const USER: &str = "chiffon";

/// How a node is made.
#[derive(Debug, Clone)]
pub struct RabbitOptions {
    /// Its folder.
    pub dir: PathBuf,
    /// Whether its management API is on, for tests that ask the broker what it has.
    pub management: bool,
}

/// A running node. Loopback only.
#[derive(Debug)]
pub struct RabbitNode {
    options: RabbitOptions,
    server: PathBuf,
    port: u16,
    password: String,
    child: Option<Child>,
}

impl RabbitNode {
    /// Starts the node of this folder, made first when it is new, and waits until it is ready.
    pub async fn start(options: RabbitOptions) -> Result<Self, NodeError> {
        let server = find::rabbitmq_server()?;
        fs::create_dir_all(&options.dir).map_err(|source| NodeError::io(&options.dir, source))?;
        fs::set_permissions(&options.dir, Permissions::from_mode(0o700)).map_err(|source| NodeError::io(&options.dir, source))?;
        let mut node = Self { server, port: 0, password: String::new(), child: None, options };
        node.stop_orphan();
        // A node's name contains its port, and its data its name: the port is kept as long as it is free.
        let kept = fs::read_to_string(node.file("port")).ok().and_then(|text| text.trim().parse().ok());
        node.port = match kept {
            Some(port) if (0..PORTS).all(|step| ports::is_free(port + step)) => port,
            _ => node.new_port()?,
        };
        node.password = node.read_or_make_password()?;
        node.configure()?;
        node.launch().await?;
        Ok(node)
    }

    /// The address of a virtual host.
    pub fn amqp_url(&self, vhost: &str) -> String {
        let vhost = vhost.replace('%', "%25").replace('/', "%2F");
        format!("amqp://{USER}:{}@127.0.0.1:{}/{vhost}", self.password, self.port)
    }

    /// The address of the management API, with user and password.
    pub fn management_url(&self) -> String {
        format!("http://{USER}:{}@127.0.0.1:{}", self.password, self.port + 10)
    }

    /// Makes a virtual host by the management API.
    pub async fn create_vhost(&self, name: &str) -> Result<(), NodeError> {
        create_vhost(&self.management_url(), name).await
    }

    /// The queues of a virtual host as the broker reports them.
    pub async fn queues(&self, vhost: &str) -> Result<Value, NodeError> {
        let url = format!("{}/api/queues/{}", self.management_url(), vhost.replace('/', "%2F"));
        let response = reqwest::get(&url).await.map_err(|error| http_error("GET /api/queues", &error))?;
        response.json().await.map_err(|error| http_error("GET /api/queues", &error))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        if let Some(pid) = self.pid() {
            process::wait_gone(pid, Duration::from_secs(10));
        }
        self.child = None;
    }

    /// Stops time for the node.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Starts it again after a kill.
    pub async fn restart(&mut self) -> Result<(), NodeError> {
        self.kill();
        self.launch().await
    }

    /// Stops it and its port mapper.
    pub async fn stop(mut self) -> Result<(), NodeError> {
        self.shut_down();
        Ok(())
    }

    fn shut_down(&mut self) {
        if self.child.take().is_some()
            && let Some(pid) = self.pid()
        {
            process::signal_tree(pid, Signal::SIGCONT);
            kill(Pid::from_raw(pid), Signal::SIGTERM).ok();
            if !process::wait_gone(pid, Duration::from_secs(20)) {
                process::signal_tree(pid, Signal::SIGKILL);
            }
            self.stop_mapper();
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            process::signal_tree(pid, signal);
        }
    }

    /// The Erlang machine's process id, also after its pid file was removed.
    fn pid(&self) -> Option<i32> {
        let needle = self.file("mnesia");
        let from_file = fs::read_to_string(self.file("pid")).ok().and_then(|text| text.trim().parse().ok());
        from_file.or_else(|| process::mentioning(&needle).into_iter().next())
    }

    fn stop_orphan(&self) {
        for pid in process::mentioning(&self.file("mnesia")) {
            process::signal_tree(pid, Signal::SIGKILL);
            process::wait_gone(pid, Duration::from_secs(10));
        }
        fs::remove_file(self.file("pid")).ok();
    }

    /// Ends the port mapper that belongs to this node alone.
    fn stop_mapper(&self) {
        let mapper = (self.port + 1).to_string();
        std::process::Command::new("epmd").args(["-port", &mapper, "-kill"]).stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.options.dir.join(name)
    }

    fn new_port(&self) -> Result<u16, NodeError> {
        // Another port is another node name: what an older name stored can't be used under it. Nothing is lost by that,
        // because everything that has to be sent stands in Postgres.
        fs::remove_dir_all(self.file("mnesia")).ok();
        let port = ports::free_range(PORTS);
        self.write("port", &port.to_string())?;
        Ok(port)
    }

    fn read_or_make_password(&self) -> Result<String, NodeError> {
        if let Ok(password) = fs::read_to_string(self.file("password")) {
            return Ok(password.trim().to_owned());
        }
        let bytes: [u8; 16] = rand::random();
        let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.write("password", &password)?;
        Ok(password)
    }

    fn configure(&self) -> Result<(), NodeError> {
        let management = if self.options.management {
            format!("management.tcp.port = {}\nmanagement.tcp.ip = 127.0.0.1\n", self.port + 10)
        } else {
            String::new()
        };
        let text = format!(
            "listeners.tcp.local = 127.0.0.1:{}\ndefault_user = {USER}\ndefault_pass = {}\nlog.console = false\n\
             vm_memory_high_watermark.relative = 0.2\ndisk_free_limit.absolute = 200MB\n{management}",
            self.port, self.password
        );
        self.write("rabbitmq.conf", &text)?;
        self.write("plugins", if self.options.management { "[rabbitmq_management]." } else { "[]." })
    }

    fn write(&self, name: &str, text: &str) -> Result<(), NodeError> {
        let path = self.file(name);
        fs::write(&path, text).and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o600))).map_err(|source| NodeError::io(path, source))
    }

    fn environment(&self, command: &mut Command) {
        let port = |step: u16| (self.port + step).to_string();
        let dir = &self.options.dir;
        command
            .env("HOME", dir)
            .env("ERL_EPMD_PORT", port(1))
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", format!("n{}@localhost", self.port))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", port(0))
            .env("RABBITMQ_DIST_PORT", port(2))
            .env("RABBITMQ_CTL_DIST_PORT_MIN", port(3))
            .env("RABBITMQ_CTL_DIST_PORT_MAX", port(7))
            .env("RABBITMQ_MNESIA_BASE", dir.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", dir.join("log"))
            .env("RABBITMQ_PID_FILE", dir.join("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", dir.join("plugins"))
            .env("RABBITMQ_CONFIG_FILE", dir.join("rabbitmq"))
            .env("RABBITMQ_CONF_ENV_FILE", dir.join("none"))
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +S 2:2");
    }

    async fn launch(&mut self) -> Result<(), NodeError> {
        let log = fs::File::create(self.file("out")).map_err(|source| NodeError::io(self.file("out"), source))?;
        let errors = log.try_clone().map_err(|source| NodeError::io(self.file("out"), source))?;
        let mut command = Command::new("setpriv");
        // The kernel stops it when we are killed; the start script hands its process over to the Erlang machine.
        command.args(["--pdeathsig", "TERM", "--"]).arg(&self.server);
        self.environment(&mut command);
        command.current_dir("/").stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
        self.child = Some(command.spawn().map_err(|source| NodeError::io("setpriv", source))?);
        self.wait_until_ready().await
    }

    async fn wait_until_ready(&mut self) -> Result<(), NodeError> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let amqp = TcpStream::connect(("127.0.0.1", self.port)).await.is_ok();
            let management = !self.options.management || TcpStream::connect(("127.0.0.1", self.port + 10)).await.is_ok();
            if amqp && management {
                return Ok(());
            }
            let ended = self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(Some(_))));
            if ended || Instant::now() > deadline {
                let log = self.file("out");
                return Err(NodeError::NotReady { what: "RabbitMQ", seconds: READY_WITHIN.as_secs(), tail: tail(&log), log });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for RabbitNode {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Makes a virtual host with permissions for the management address's user.
pub async fn create_vhost(management_url: &str, name: &str) -> Result<(), NodeError> {
    let client = reqwest::Client::new();
    let vhost = client.put(format!("{management_url}/api/vhosts/{name}")).json(&json!({})).send().await;
    vhost.and_then(reqwest::Response::error_for_status).map_err(|error| http_error("PUT /api/vhosts", &error))?;
    let rights = json!({"configure": ".*", "write": ".*", "read": ".*"});
    let granted = client.put(format!("{management_url}/api/permissions/{name}/{USER}")).json(&rights).send().await;
    granted.and_then(reqwest::Response::error_for_status).map_err(|error| http_error("PUT /api/permissions", &error))?;
    Ok(())
}

fn http_error(call: &str, error: &reqwest::Error) -> NodeError {
    NodeError::Command { command: call.to_owned(), output: error.to_string() }
}

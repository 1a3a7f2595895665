//! What goes over TLS: the certificate of this Chiffon's address as a real server shows it, and e-mail to a real server.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use chiffon_kernel::chores::Chore as _;
use chiffon_kernel::domain::role::Role;
use chiffon_notify::chores::lookout::Lookout;
use chiffon_notify::verbs::{Context, test};
use chiffon_plans::domain::policy::Policy;
use chiffon_testkit::until;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};

use crate::delivering::World;

/// Answers every call, and prints a line for it.
const HTTPS: &str = "
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        print('called', flush=True)
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
";

/// A certificate of this machine that counts for so many days, and its key.
struct Certificate(TempDir);

impl Certificate {
    async fn new(days: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=127.0.0.1"])
            .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-days", &days.to_string(), "-out", "certificate.pem", "-keyout", "key.pem"])
            .current_dir(folder.path())
            .stderr(Stdio::null())
            .status()
            .await;
        assert!(made.expect("openssl is installed by make setup").success());
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("key.pem")
    }
}

/// A server that Debian's Python runs, once somebody listens on its port, with the lines that it prints.
struct Server {
    process: Child,
    port: u16,
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
}

impl Server {
    async fn start(arguments: impl FnOnce(u16) -> Vec<String>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
        let mut process = Command::new("/usr/bin/python3")
            .arg("-u")
            .args(arguments(port))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("python3 is installed by make setup");
        let lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        until("a server", Duration::from_mins(1), || async { TcpStream::connect(("127.0.0.1", port)).await.map(drop) }).await;
        Self { process, port, lines }
    }

    async fn https(certificate: &Certificate) -> Self {
        let files = [certificate.file(), certificate.key()].map(|file| file.display().to_string());
        Self::start(|port| ["-c".to_owned(), HTTPS.to_owned(), port.to_string()].into_iter().chain(files).collect()).await
    }

    async fn smtp(security: &[String]) -> Self {
        let fixed = |port| ["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}")].map(ToOwned::to_owned);
        let handler = ["-c", "aiosmtpd.handlers.Debugging", "stdout"].map(ToOwned::to_owned);
        Self::start(|port| fixed(port).into_iter().chain(security.iter().cloned()).chain(handler).collect()).await
    }

    /// All that it has printed until now, after which it is gone.
    async fn printed(mut self) -> Vec<String> {
        self.process.kill().await.expect("it ran");
        let mut printed = Vec::new();
        while let Ok(Some(line)) = self.lines.next_line().await {
            printed.push(line);
        }
        printed
    }
}

#[tokio::test]
async fn a_certificate_that_soon_counts_no_more_is_told_once_and_looked_at_once_an_hour() {
    let world = World::start(Policy::default(), json!({"person": "oscar", "notices": ["expiring"]})).await;
    world.app.person("oscar", Role::Operator).await;
    let certificate = Certificate::new(3).await;
    let server = Server::https(&certificate).await;
    let here = Context { public_url: format!("https://127.0.0.1:{}", server.port).into(), ..world.context.clone() };
    let lookout = Lookout::new(here);
    for _ in 0..3 {
        lookout.tick().await.expect("it looks");
    }
    let told: Vec<String> = world.all().await.into_iter().map(|notice| notice.title).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("The certificate of https://127.0.0.1:") && told[0].contains("counts for"), "{told:?}");
    assert_eq!(server.printed().await, ["called"]);

    let lasting = Certificate::new(300).await;
    let server = Server::https(&lasting).await;
    let here = Context { public_url: format!("https://127.0.0.1:{}", server.port).into(), ..world.context.clone() };
    Lookout::new(here).tick().await.expect("it looks");
    assert_eq!((server.printed().await.len(), world.all().await.len()), (1, 1), "one that lasts is no matter");
}

/// What a message to a server with this security comes to, and what that server printed.
async fn mailed(server: Server, security: &str, ca: Option<&Certificate>) -> (Result<(), String>, Vec<String>) {
    let mut smtp = json!({"host": "127.0.0.1", "port": server.port, "security": security, "from": "Chiffon <chiffon@chiffon.test>"});
    if let Some(ca) = ca {
        smtp["ca_file"] = Value::from(ca.file().display().to_string());
    }
    let channel = json!({"kind": "email", "url": null, "secret_file": null, "to": ["ann@chiffon.test"]});
    let world = World::start_with(Policy::default(), channel, smtp).await;
    let sent = test::run(&world.context, &world.ann, "ops").await.map(drop).map_err(|problem| problem.message);
    (sent, server.printed().await)
}

fn options(names: [&str; 2], certificate: &Certificate) -> Vec<String> {
    let [first, second] = names.map(ToOwned::to_owned);
    vec![first, certificate.file().display().to_string(), second, certificate.key().display().to_string()]
}

#[tokio::test]
async fn e_mail_goes_over_tls_to_a_server_that_is_trusted_and_to_no_other_one() {
    let certificate = Certificate::new(30).await;
    let (starttls, implicit) = (options(["--tlscert", "--tlskey"], &certificate), options(["--smtpscert", "--smtpskey"], &certificate));
    for (security, options) in [("starttls", &starttls), ("tls", &implicit)] {
        let (sent, printed) = mailed(Server::smtp(options).await, security, Some(&certificate)).await;
        assert_eq!(sent, Ok(()), "{security}");
        assert!(printed.iter().any(|line| line.starts_with("To: ann@chiffon.test")), "{security}: {printed:#?}");

        let (sent, printed) = mailed(Server::smtp(options).await, security, None).await;
        let refused = sent.expect_err("nobody has signed its certificate whom one trusts");
        assert!(refused.contains("e-mail: ") && refused.contains("certificate"), "{security}: {refused}");
        assert!(printed.is_empty(), "{security}: {printed:#?}");
    }
    // What offers no TLS gets nothing in the open.
    for security in ["starttls", "tls"] {
        let (sent, printed) = mailed(Server::smtp(&[]).await, security, Some(&certificate)).await;
        assert!(sent.is_err_and(|refused| refused.contains("e-mail: ")) && printed.is_empty(), "{security}: {printed:#?}");
    }
}

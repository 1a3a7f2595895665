//! The first contact with a host over ssh, as it fails for newcomers: a real sshd on a free port, and errors that name what helps.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chiffon_protocol::ErrorCode;
use chiffon_testkit::not_run;
use serde_json::json;

use crate::playbooks::Playbooks;

const SSHD: &str = "/usr/sbin/sshd";
const LOOK: &str = "    - name: Look\n      ansible.builtin.command: id\n      changed_when: false\n";

/// An sshd that ends with the test.
struct Sshd {
    process: Child,
    port: u16,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn key(path: &PathBuf) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().expect("ssh-keygen runs");
    assert!(made.success());
}

/// `None` where there is no sshd.
fn sshd(books: &Playbooks) -> Option<Sshd> {
    if !PathBuf::from(SSHD).is_file() || !nix::unistd::geteuid().is_root() {
        return None;
    }
    fs::create_dir_all("/run/sshd").expect("sshd's folder");
    key(&books.path("host_key"));
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port();
    let process = Command::new(SSHD)
        .args(["-D", "-e", "-f", "/dev/null", "-o", "ListenAddress=127.0.0.1", "-o", "UsePAM=no", "-o", "PidFile=none", "-p"])
        .arg(port.to_string())
        .arg("-h")
        .arg(books.path("host_key"))
        .stdout(Stdio::null())
        .stderr(File::create(books.path("sshd.log")).expect("a log"))
        .spawn()
        .expect("sshd runs");
    let until = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "sshd does not listen: {}", fs::read_to_string(books.path("sshd.log")).unwrap_or_default());
        std::thread::yield_now();
    }
    Some(Sshd { process, port })
}

/// An inventory whose `far` is behind that sshd, for a user with these known hosts and a key that it does not let in.
fn inventory(books: &Playbooks, port: u16) {
    let (known, own) = (books.path("known_hosts"), books.path("own_key"));
    let ssh =
        format!("-o UserKnownHostsFile={} -o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes -o ControlMaster=no", known.display());
    books.write(
        "inventory.ini",
        &format!(
            "far ansible_host=127.0.0.1 ansible_port={port} ansible_user=nobody ansible_ssh_private_key_file={} \
             ansible_python_interpreter=/usr/bin/python3 ansible_ssh_common_args='{ssh}'\n",
            own.display()
        ),
    );
}

#[tokio::test]
async fn an_unknown_host_key_and_a_key_that_is_not_let_in_are_told_with_what_helps() {
    let books = Playbooks::new();
    let Some(sshd) = sshd(&books) else { return not_run("first contact", "sshd needs root, and to be installed (make setup)") };
    key(&books.path("own_key"));
    inventory(&books, sshd.port);
    books.action("look", "", LOOK);
    let (known, host_key) = (books.path("known_hosts"), books.path("host_key.pub"));
    let by_hand = format!("`ansible -i {} far -m ping`", books.path("inventory.ini").display());
    let fleet = books.start().await;

    let unknown = fleet.apply("look", json!({"host": "far"}), &["far"]).await.error.expect("it is not reached");
    assert_eq!(unknown.code, ErrorCode::HostUnreachable.number());
    assert!(unknown.message.contains("Host key verification failed") && unknown.message.contains(&by_hand), "{}", unknown.message);
    assert!(unknown.message.contains("has never met far"), "{}", unknown.message);

    let public = fs::read_to_string(host_key).expect("a key");
    fs::write(&known, format!("[127.0.0.1]:{} {public}", sshd.port)).expect("written");
    let refused = fleet.apply("look", json!({"host": "far"}), &["far"]).await.error.expect("it is not let in");
    assert!(refused.message.contains("Permission denied") && refused.message.contains("ssh-copy-id"), "{}", refused.message);

    let other = fs::read_to_string(fleet.playbooks.path("own_key.pub")).expect("a key");
    fs::write(&known, format!("[127.0.0.1]:{} {other}", sshd.port)).expect("written");
    let changed = fleet.apply("look", json!({"host": "far"}), &["far"]).await.error.expect("it is another");
    assert!(changed.message.contains("answers with another key than before"), "{}", changed.message);

    drop(sshd);
    let off = fleet.apply("look", json!({"host": "far"}), &["far"]).await.error.expect("it is off");
    assert!(off.message.contains("Connection refused") && off.message.contains("see that far is on"), "{}", off.message);
}

//! Managed hosts that are reached over ssh: an sshd each, in a network and a mount namespace of its own.
//!
//! A namespace ends with its sshd, and sshd with the test: nothing is left to be cleaned up. `/opt` and `/srv` of a host are its own;
//! of the rest of the file system a play must change nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// What a host runs: it waits for its interface, then it is an ordinary machine with sshd.
const BOOT: &str = "set -e
while ! ip link show eth0 >/dev/null 2>&1; do sleep 0.05; done
ip addr add \"$1/30\" dev eth0; ip link set eth0 up; ip link set lo up
mount -t tmpfs tmpfs /opt; mount -t tmpfs tmpfs /srv
exec /usr/sbin/sshd -D -e -f /dev/null -h \"$2/host_key\" -o AuthorizedKeysFile=\"$2/authorized\" \\
  -o StrictModes=no -o PermitRootLogin=yes -o UsePAM=no -o PidFile=none";

/// Some hosts, and the key that may log in.
#[derive(Debug)]
pub struct SshHosts {
    folder: TempDir,
    hosts: Vec<SshHost>,
}

/// One of them.
#[derive(Debug)]
struct SshHost {
    name: String,
    address: String,
    link: String,
    sshd: Option<Child>,
}

impl SshHosts {
    /// Hosts of these names, started. `None` without root, which namespaces need.
    ///
    /// # Panics
    /// Where a part of this can't be done with root: `make setup` installs what is needed.
    pub fn start(names: &[&str]) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            return None;
        }
        fs::create_dir_all("/run/sshd").expect("sshd's folder");
        let mut hosts = Self { folder: TempDir::with_prefix("chiffon-ssh-").expect("a folder"), hosts: Vec::new() };
        hosts.key("id");
        // Of a network that nobody uses, a piece of four addresses for each host.
        let process = std::process::id();
        for (index, name) in names.iter().enumerate() {
            let net = u32::try_from(index).expect("few") * 4;
            let (own, peer) = (net + 1, net + 2);
            let network = format!("10.213.{}", process % 251);
            let link = format!("chf{process}-{index}");
            hosts.hosts.push(SshHost { name: (*name).to_owned(), address: format!("{network}.{peer}"), link, sshd: None });
            fs::create_dir(hosts.path(name)).expect("a folder");
            hosts.key(&format!("{name}/host_key"));
            fs::copy(hosts.path("id.pub"), hosts.path(name).join("authorized")).expect("copied");
            hosts.up(name, &format!("{network}.{own}"));
        }
        Some(hosts)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn key(&self, name: &str) {
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(self.path(name)));
    }

    fn up(&mut self, name: &str, own: &str) {
        let folder = self.path(name);
        let log = fs::File::create(folder.join("log")).expect("a log");
        let host = self.hosts.iter_mut().find(|host| host.name == name).expect("a host of this name");
        let sshd = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--net", "--mount", "sh", "-c", BOOT, "host", &host.address])
            .arg(&folder)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("a host starts");
        let pid = sshd.id().to_string();
        host.sshd = Some(sshd);
        // It has a network of its own a moment after its start; a link that is given before lands in ours.
        let ours = fs::read_link("/proc/self/ns/net").expect("a network");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|net| net == ours) {
            assert!(std::time::Instant::now() < deadline, "{name} has no network of its own");
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        let link = &host.link;
        run(Command::new("ip").args(["link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", &pid]));
        run(Command::new("ip").args(["addr", "add", &format!("{own}/30"), "dev", link]));
        run(Command::new("ip").args(["link", "set", link, "up"]));
    }

    /// The host is off from now on, the connections to it included.
    pub fn off(&mut self, name: &str) {
        let host = self.hosts.iter_mut().find(|host| host.name == name).expect("a host of this name");
        if let Some(mut sshd) = host.sshd.take() {
            let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
            let own = network(&sshd.id().to_string());
            for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
                let pid = entry.file_name().to_string_lossy().into_owned();
                if own.is_some() && network(&pid) == own {
                    let _ = Command::new("kill").args(["-KILL", &pid]).output();
                }
            }
            sshd.wait().expect("it ends");
        }
    }

    /// The agent's user gets to know these hosts' keys, as `ssh-keyscan` tells them. Until then nobody vouches for them.
    pub fn know(&self, names: &[&str]) {
        let mut known = String::new();
        for host in self.hosts.iter().filter(|host| names.contains(&host.name.as_str())) {
            let key = fs::read_to_string(self.path(&host.name).join("host_key.pub")).expect("a key");
            known.push_str(&format!("{} {key}", host.address));
        }
        fs::write(self.path("known_hosts"), known).expect("written");
    }

    /// Their inventory, each in the groups that are named for it, written to `folder`.
    pub fn inventory(&self, folder: &Path, groups: &[(&str, &[&str])]) -> PathBuf {
        let mut text = format!(
            "all:\n  vars:\n    ansible_user: root\n    ansible_ssh_private_key_file: {}\n    ansible_ssh_common_args: -o UserKnownHostsFile={}\n  children:\n",
            self.path("id").display(),
            self.path("known_hosts").display()
        );
        for (group, members) in groups {
            text.push_str(&format!("    {group}:\n      hosts:\n"));
            for host in self.hosts.iter().filter(|host| members.contains(&host.name.as_str())) {
                text.push_str(&format!("        {}: {{ansible_host: {}}}\n", host.name, host.address));
            }
        }
        let file = folder.join("hosts.yml");
        fs::write(&file, text).expect("written");
        file
    }

    /// What a command says on a host.
    pub fn on(&self, name: &str, command: &[&str]) -> String {
        let host = self.hosts.iter().find(|host| host.name == name).expect("a host of this name");
        let pid = host.sshd.as_ref().expect("it is on").id().to_string();
        // Its root, too: the whole run may be in another than that of the mounts.
        let entering = ["--target", &pid, "--net", "--mount", "--root", "--"];
        let output = Command::new("nsenter").args(entering).args(command).output().expect("nsenter runs");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }
}

impl Drop for SshHosts {
    fn drop(&mut self) {
        let names: Vec<String> = self.hosts.iter().map(|host| host.name.clone()).collect();
        for name in names {
            self.off(&name);
        }
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

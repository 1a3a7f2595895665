//! What modules do: those that change nothing anyway, those that are there to change something, and those that claim to support
//! check mode and act all the same.

/// Modules that change nothing on a host, with or without check mode: they look, wait, decide, or change only what Ansible itself
/// remembers for the rest of the play.
const READ_ONLY: [&str; 22] = [
    "add_host",
    "assert",
    "debug",
    "fail",
    "find",
    "gather_facts",
    "getent",
    "group_by",
    "include_vars",
    "meta",
    "mount_facts",
    "package_facts",
    "pause",
    "ping",
    "service_facts",
    "set_fact",
    "set_stats",
    "setup",
    "slurp",
    "stat",
    "wait_for",
    "wait_for_connection",
];

/// Modules whose purpose is to change what they name, by their short names, which lead to them; what else a module does is told by the
/// run itself.
const CHANGING: [&str; 76] = [
    "acl",
    "apk",
    "apt",
    "apt_key",
    "apt_repository",
    "assemble",
    "at",
    "authorized_key",
    "blockinfile",
    "copy",
    "cron",
    "cronvar",
    "deb822_repository",
    "debconf",
    "dnf",
    "dnf5",
    "docker_compose",
    "docker_compose_v2",
    "docker_container",
    "docker_image",
    "docker_network",
    "docker_volume",
    "dpkg_selections",
    "file",
    "filesystem",
    "firewalld",
    "gem",
    "get_url",
    "git",
    "git_config",
    "group",
    "hostname",
    "htpasswd",
    "ini_file",
    "iptables",
    "known_hosts",
    "lineinfile",
    "locale_gen",
    "lvg",
    "lvol",
    "modprobe",
    "mount",
    "npm",
    "openssl_privatekey",
    "package",
    "pacman",
    "parted",
    "patch",
    "pip",
    "podman_container",
    "podman_image",
    "podman_network",
    "podman_volume",
    "reboot",
    "replace",
    "seboolean",
    "selinux",
    "service",
    "snap",
    "subversion",
    "synchronize",
    "sysctl",
    "systemd",
    "systemd_service",
    "sysvinit",
    "tempfile",
    "template",
    "timezone",
    "ufw",
    "unarchive",
    "user",
    "x509_certificate",
    "xml",
    "yum",
    "yum_repository",
    "zypper",
];

/// Modules that say they support check mode and never ask for it, with what they do then. Read from the sources of the collections
/// that Debian 12 ships.
const ACTING: [(&str, &str); 12] = [
    ("community.general.github_release", "makes the release"),
    ("community.general.imc_rest", "sends the request to the machine's controller"),
    ("community.general.influxdb_query", "runs the query"),
    ("community.general.irc", "sends the message"),
    ("community.general.mqtt", "publishes the message"),
    ("community.general.pacemaker_cluster", "starts or stops the cluster"),
    ("community.general.sendgrid", "sends the mail"),
    ("community.general.stackdriver", "sends the event"),
    ("community.general.terraform", "initialises the project and makes its workspace"),
    ("community.general.twilio", "sends the message"),
    ("containers.podman.podman_logout", "logs out"),
    ("containers.podman.podman_play", "starts and removes the containers"),
];

/// Whether a module changes nothing on a host, with or without check mode.
pub(super) fn is_read_only(module: &str) -> bool {
    let short = module.strip_prefix("ansible.builtin.").or_else(|| module.strip_prefix("ansible.legacy.")).unwrap_or(module);
    READ_ONLY.contains(&short)
}

/// Whether it is the purpose of a module to change something. A name with a collection counts where that is Ansible's own or one that
/// it comes with: what others call `service` may do anything.
pub(super) fn changes(module: &str) -> bool {
    let (collection, short) = module.rsplit_once('.').unwrap_or(("ansible.builtin", module));
    let is_known = matches!(collection.split('.').next(), Some("ansible" | "community" | "containers"));
    is_known && CHANGING.contains(&short)
}

/// What a module does in check mode although it says that it supports it. Its short name leads to it, too.
pub(super) fn acts(module: &str) -> Option<&'static str> {
    ACTING.iter().find(|(name, _)| *name == module || name.rsplit('.').next() == Some(module)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_known_by_their_full_and_their_short_names() {
        assert!(is_read_only("stat") && is_read_only("ansible.builtin.stat") && is_read_only("ansible.legacy.stat"));
        assert!(!is_read_only("command") && !is_read_only("community.general.stat"));
        assert!(changes("copy") && changes("ansible.builtin.copy") && changes("community.docker.docker_container"));
        assert!(!changes("stat") && !changes("command") && !changes("own.lens.copy"));
        assert!(!CHANGING.iter().any(|module| is_read_only(module)));
        assert_eq!(acts("community.general.irc"), acts("irc"));
        assert!(acts("irc").is_some() && acts("copy").is_none() && acts("other.collection.irc").is_none());
    }
}

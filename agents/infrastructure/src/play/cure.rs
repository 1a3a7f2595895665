//! What to do about the ways in which a first contact with a host fails: the words of ssh, sudo and the vault say what is wrong,
//! and to whoever meets them for the first time not what helps.
//!
//! Each cure is a command that can be copied, tried with the agent's own inventory, so that address, port and user are the same.
//! Words that nobody knows here get none.

use std::path::Path;

/// Where the longer story is told.
const GUIDE: &str = "docs/how-to/manage-hosts.md";

/// What helps against these words on this host; `None` where they are not known.
pub(super) fn of(words: &str, host: &str, inventory: &Path) -> Option<String> {
    let lower = words.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    let by_hand = format!("`ansible -i {} {host} -m ping`", inventory.display());
    let cure = if says(&[
        "remote host identification has changed",
        "offending key",
        "offending ed25519",
        "offending ecdsa",
        "offending rsa",
    ]) {
        format!(
            "{host} answers with another key than before. Where it was set up anew, take the old key away (`ssh-keygen -R ADDRESS`, with its address) \
             and run {by_hand} as this agent's user, at a terminal; else somebody may stand between"
        )
    } else if says(&["host key verification failed"]) {
        format!(
            "this agent's user has never met {host}: run {by_hand} as that user, at a terminal, compare the fingerprint with what \
             `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says on {host}, and answer `yes`"
        )
    } else if says(&["permission denied (", "too many authentication failures", "no supported authentication methods"]) {
        format!(
            "{host} knows no key of this agent's user: bring its public key there (`ssh-copy-id USER@ADDRESS`, as that user), or name \
             `ansible_user` and `ansible_ssh_private_key_file` in the inventory; {by_hand} tries it"
        )
    } else if says(&["sudo: a password is required", "missing sudo password", "sudo: a terminal is required", "incorrect sudo password"]) {
        format!(
            "sudo on {host} wants a password that this agent does not have, or has a wrong one: give `ansible_become_password` in a file that \
             `ansible-vault` has locked, or let that user in without (`NOPASSWD`); {by_hand} with `--become` tries it"
        )
    } else if says(&["no vault secrets found", "decryption failed", "vault password"]) {
        "variables of the inventory are locked, and this agent can't open them: start it with `ANSIBLE_VAULT_PASSWORD_FILE=FILE`".to_owned()
    } else if says(&["could not resolve hostname", "name or service not known", "temporary failure in name resolution"]) {
        format!("no name server of this machine knows that address: give `ansible_host` in the inventory; {by_hand} tries it")
    } else if says(&["broken pipe", "connection reset by peer", "kex_exchange_identification", "connection closed by"]) {
        format!(
            "ssh was cut off before it could say why: run {by_hand} with `-vvvv` as this agent's user, at a terminal; it shows what ssh asks for"
        )
    } else if says(&["connection refused", "connection timed out", "no route to host", "network is unreachable", "operation timed out"]) {
        format!(
            "see that {host} is on, that `ansible_host` and `ansible_port` in the inventory are right, and that its sshd runs; {by_hand} tries it"
        )
    } else {
        return None;
    };
    Some(format!("{cure} ({GUIDE})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cure(words: &str) -> String {
        of(words, "nas", Path::new("/etc/chiffon/inventory.yml")).unwrap_or_default()
    }

    #[test]
    fn each_way_in_which_a_first_contact_fails_has_its_cure() {
        for (words, helps) in [
            (
                "Failed to connect to the host via ssh: Host key verification failed.",
                "never met nas: run `ansible -i /etc/chiffon/inventory.yml nas -m ping`",
            ),
            ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.", "answers with another key than before"),
            ("ann@nas: Permission denied (publickey,password).", "ssh-copy-id"),
            ("sudo: a password is required", "ansible_become_password"),
            ("Missing sudo password", "NOPASSWD"),
            ("ERROR! Attempting to decrypt but no vault secrets found", "ANSIBLE_VAULT_PASSWORD_FILE"),
            ("ssh: Could not resolve hostname nass: Name or service not known", "ansible_host"),
            ("Failed to connect to the host via ssh: Broken pipe", "-vvvv"),
            ("ssh: connect to host 10.0.0.9 port 22: No route to host", "is on"),
        ] {
            assert!(cure(words).contains(helps) && cure(words).ends_with("(docs/how-to/manage-hosts.md)"), "{words}: {}", cure(words));
        }
        assert_eq!(cure("[Errno 13] Permission denied: b'/etc/shadow'"), "");
        assert_eq!(cure(""), "");
    }
}

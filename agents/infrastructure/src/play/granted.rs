//! What a callback of ours in the play's process keeps and tells: nothing acts beyond the grant or reads beyond the
//! approval, and no play is passed over in silence. Ansible's own events name the host that a task was for, not the one on which it acted.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::run::Play;

const CALLBACK: &str = include_str!("chiffon_granted.py");

/// The variable that names the file of what is granted, which the callback reads.
pub(super) const VARIABLE: &str = "CHIFFON_GRANTED";

/// Puts the callback and what is granted into the scratch folder; the path of the latter. Files of this machine may be read from
/// the action's copy and from the inventory.
pub(super) fn prepare(scratch: &Path, play: &Play) -> io::Result<PathBuf> {
    let folder = scratch.join("callback");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("chiffon_granted.py"), CALLBACK)?;
    let path = scratch.join("granted.json");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    let beside = play.inventory.parent().unwrap_or(&play.inventory);
    let roots = [play.playbooks.clone(), play.inventory.clone(), beside.join("group_vars"), beside.join("host_vars")];
    file.write_all(json!({"hosts": play.hosts, "roots": roots}).to_string().as_bytes())?;
    Ok(path)
}

/// Where a play acted, or was about to act, without a grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Beyond {
    /// The host, address or machine.
    pub(super) on: String,
    /// The task that leads there, for which host, and by which keyword or variable; empty where only the host is known.
    pub(super) task: String,
    of: String,
    how: String,
    /// Nothing was done there.
    pub(super) held_back: bool,
}

impl Beyond {
    /// A host that Ansible itself says it acted on.
    pub(super) fn host(on: &str) -> Self {
        Self { on: on.to_owned(), ..Self::default() }
    }

    /// What the play did, or was kept from.
    pub(super) fn words(&self) -> String {
        let Self { on, task, of, how, .. } = self;
        match (self.held_back, task.is_empty()) {
            (true, _) => format!("\"{task}\" for {of} was about to act on `{on}` (`{how}`)"),
            (false, true) => format!("the play acted on `{on}`"),
            (false, false) => format!("\"{task}\" for {of} acted on `{on}` (`{how}`)"),
        }
    }
}

/// One event of the callback.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Beyond(Beyond),
    /// A play of the playbook that did nothing, because no granted host is among its `hosts:`.
    NoHosts {
        play: String,
    },
    /// A host that did not fail, and for which a play was ended before its end because others failed.
    Unended {
        host: String,
    },
    /// Hosts that a play names besides the granted ones; the list is cut after some.
    Besides {
        play: String,
        hosts: Vec<String>,
        more: u64,
    },
}

impl Told {
    /// Reads one; nothing when it is none of ours.
    pub(super) fn read(name: &str, event: &Value) -> Option<Self> {
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match name {
            "chiffon_held_back" | "chiffon_acted" => {
                let held_back = name == "chiffon_held_back";
                Some(Self::Beyond(Beyond { on: text("on"), task: text("task"), of: text("host"), how: text("how"), held_back }))
            }
            "chiffon_unended" => Some(Self::Unended { host: text("host") }),
            "chiffon_no_hosts" => Some(Self::NoHosts { play: text("play") }),
            "chiffon_besides" => {
                let hosts = event.get("hosts").and_then(Value::as_array).into_iter().flatten();
                let hosts = hosts.filter_map(Value::as_str).map(str::to_owned).collect();
                Some(Self::Besides { play: text("play"), hosts, more: event.get("more").and_then(Value::as_u64).unwrap_or(0) })
            }
            _ => None,
        }
    }
}

/// The plays of a playbook that did not run on all that they name.
#[derive(Debug, Clone, Default)]
pub(super) struct Plays {
    /// Their names.
    pub(super) without_hosts: Vec<String>,
    warnings: Vec<String>,
}

impl Plays {
    pub(super) fn without_hosts(&mut self, play: String) {
        if !self.without_hosts.contains(&play) {
            self.warnings.push(format!("the play \"{play}\" did not run: none of its hosts is among those that were granted"));
            self.without_hosts.push(play);
        }
    }

    pub(super) fn besides(&mut self, play: &str, hosts: &[String], more: u64) {
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let warning = format!("the play \"{play}\" names hosts besides, on which nothing was done: {}{more}", hosts.join(", "));
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_ours_are_read_whatever_is_missing_in_them() {
        let event = json!({"on": "lb1", "task": "Drain", "host": "web1", "how": "delegate_to"});
        let Some(Told::Beyond(beyond)) = Told::read("chiffon_held_back", &event) else { panic!("it is one") };
        assert_eq!(beyond.words(), "\"Drain\" for web1 was about to act on `lb1` (`delegate_to`)");
        assert_eq!(Beyond::host("lb1").words(), "the play acted on `lb1`");
        assert_eq!(Told::read("chiffon_besides", &json!([])), Some(Told::Besides { play: String::new(), hosts: Vec::new(), more: 0 }));
        assert_eq!(Told::read("v2_runner_on_ok", &event), None);
    }

    #[test]
    fn a_play_is_told_once_however_often_it_begins() {
        let mut plays = Plays::default();
        for _ in 0..2 {
            plays.without_hosts("Elsewhere".to_owned());
            plays.besides("Here", &["pi".to_owned()], 3);
        }
        assert_eq!(plays.without_hosts, ["Elsewhere"]);
        assert_eq!(plays.warnings().len(), 2);
        assert!(plays.warnings()[1].ends_with("pi and 3 more"), "{:?}", plays.warnings());
    }
}

//! What the soak asks for: actions so small that two cores run many of them, each of which notes that it ran.
//!
//! A run writes `began ATTEMPT` and `ended ATTEMPT` to a file of the managed host, under a lock that it must get at once:
//! `overlapped ATTEMPT` says that another one was at work there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// One kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// May be repeated.
    Append,
    /// May not.
    Rotate,
    /// May not either, and takes a while.
    Walk,
    /// Changes nothing and needs nobody's approval.
    Count,
}

impl Action {
    const ALL: [Self; 4] = [Self::Append, Self::Rotate, Self::Walk, Self::Count];

    /// Its name in the catalogue.
    pub fn name(self) -> &'static str {
        match self {
            Self::Append => "append_line",
            Self::Rotate => "rotate_seal",
            Self::Walk => "long_walk",
            Self::Count => "count_notes",
        }
    }

    /// How people ask for it.
    pub fn wish(self, host: &str) -> String {
        match self {
            Self::Append => format!("append a line on {host}"),
            Self::Rotate => format!("rotate the seal on {host}"),
            Self::Walk => format!("take the long walk on {host}"),
            Self::Count => format!("count the notes on {host}"),
        }
    }

    fn seconds(self) -> &'static str {
        match self {
            Self::Walk => "6",
            Self::Append | Self::Rotate | Self::Count => "0.1",
        }
    }

    fn risk(self) -> &'static str {
        if self == Self::Count { "read_only" } else { "low" }
    }

    fn repeatable(self) -> &'static str {
        match self {
            Self::Append | Self::Count => "yes",
            Self::Rotate | Self::Walk => "no",
        }
    }
}

/// The hosts, each a folder.
pub const HOSTS: [&str; 6] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"];

/// Writes the catalogue and the inventory below a folder: where they are.
pub fn write(folder: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let actions = folder.join("actions");
    for action in Action::ALL {
        let place = actions.join(action.name());
        fs::create_dir_all(&place)?;
        fs::write(place.join("action.yml"), specification(action))?;
        fs::write(place.join("playbook.yml"), play(action))?;
        fs::write(place.join("README.md"), format!("# {}\n", action.name()))?;
    }
    let mut inventory = "all:\n  hosts:\n".to_owned();
    for host in HOSTS {
        let root = root(folder, host);
        fs::create_dir_all(&root)?;
        let root = root.to_str().context("the temporary folder's path is UTF-8")?;
        inventory += &format!(
            "    {host}:\n      ansible_connection: local\n      ansible_python_interpreter: /usr/bin/python3\n      chiffon_root: {root}\n"
        );
    }
    let file = folder.join("inventory.yml");
    fs::write(&file, inventory)?;
    Ok((actions, file))
}

/// The folder that is a host.
pub fn root(folder: &Path, host: &str) -> PathBuf {
    folder.join("hosts").join(host)
}

fn specification(action: Action) -> String {
    let (name, title, risk, repeatable) = (action.name(), action.wish("a host"), action.risk(), action.repeatable());
    let example = action.wish("alpha");
    let undo = if action == Action::Count { "" } else { "irreversible: it only leaves notes\n" };
    format!(
        "name: {name}\ntitle: {title}\ndescription: Notes that it ran ({example}).\nexamples: [\"{example}\"]\nagent_type: infrastructure\n\
         target: {{parameter: host}}\nparameters:\n  type: object\n  required: [host]\n  properties:\n    host: {{type: string, format: inventory-host}}\n\
         \x20   count: {{type: integer, default: 1, minimum: 1, maximum: 99}}\noutputs: {{properties: {{}}}}\nrisk: {risk}\nrepeatable: {repeatable}\n\
         check: none\ntimeout_seconds: 120\n{undo}"
    )
}

fn play(action: Action) -> String {
    let seconds = action.seconds();
    let script = if action == Action::Count {
        format!("echo \"looked $CHIFFON_ATTEMPT\" >> looks; sleep {seconds}")
    } else {
        format!(
            "flock --nonblock --conflict-exit-code 75 busy sh -c 'echo \"began $CHIFFON_ATTEMPT\" >> runs; sleep {seconds}; \
             echo \"ended $CHIFFON_ATTEMPT\" >> runs'; code=$?; if [ $code = 75 ]; then echo \"overlapped $CHIFFON_ATTEMPT\" >> runs; fi; exit $code"
        )
    };
    let changed = action != Action::Count;
    format!(
        "- name: {}\n  hosts: all\n  gather_facts: false\n  vars:\n    count: 1\n  tasks:\n    - name: Note it {{{{ count }}}} times over\n      \
         ansible.builtin.shell: |\n        {script}\n      args:\n        chdir: \"{{{{ chiffon_root }}}}\"\n      changed_when: {changed}\n",
        action.wish("a host")
    )
}

//! What a dry run is not: tasks that ran for real, because `check_mode: false` stood where no scan of the playbook can read it (a
//! template, an included role), and tasks whose answer rests on a result that check mode did not have. A callback of ours says so
//! after each one's result.

use std::io;
use std::path::Path;

use serde_json::Value;

use crate::check_mode::is_read_only;

const CALLBACK: &str = include_str!("chiffon_check_mode.py");
/// Beside it, for real runs, what tells of jobs on the hosts.
const JOBS: &str = include_str!("chiffon_jobs.py");

/// Puts the callback into the scratch folder, beside that of the vault.
pub(super) fn prepare(scratch: &Path) -> io::Result<()> {
    let folder = scratch.join("callback");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("chiffon_jobs.py"), JOBS)?;
    std::fs::write(folder.join("chiffon_check_mode.py"), CALLBACK)
}

/// What the task of which a host has just told was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Was<'e> {
    /// No dry run.
    ForReal {
        /// As it says itself.
        changed: bool,
    },
    /// A dry run on values that are not there: this variable is the result of a task that was left out.
    Hollow(&'e str),
}

/// What the callback says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told<'e> {
    pub(super) host: &'e str,
    pub(super) task: &'e str,
    pub(super) was: Was<'e>,
}

impl<'e> Told<'e> {
    /// Nothing for a module that does the same in check mode and tells of nothing.
    pub(super) fn read(name: &str, event: &'e Value) -> Option<Self> {
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let action = text("action").unwrap_or_default();
        let was = match name {
            "chiffon_for_real" if !is_read_only(action) => {
                Was::ForReal { changed: event.get("changed").and_then(Value::as_bool).unwrap_or(true) }
            }
            "chiffon_hollow" if action.rsplit('.').next() != Some("debug") => Was::Hollow(text("variable")?),
            _ => return None,
        };
        Some(Self { host: text("host")?, task: text("task").unwrap_or_default(), was })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_module_that_only_reads_says_nothing_of_it() {
        let event = |action: &str| json!({"host": "nas", "task": "It", "action": action, "changed": true, "variable": "said"});
        assert_eq!(Told::read("chiffon_for_real", &event("ansible.builtin.stat")), None);
        assert_eq!(Told::read("chiffon_hollow", &event("ansible.builtin.debug")), None);
        assert_eq!(Told::read("v2_runner_on_ok", &event("copy")), None);
        let told = |was| Some(Told { host: "nas", task: "It", was });
        assert_eq!(Told::read("chiffon_for_real", &event("copy")), told(Was::ForReal { changed: true }));
        assert_eq!(Told::read("chiffon_hollow", &event("copy")), told(Was::Hollow("said")));
    }
}

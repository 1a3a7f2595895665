//! The host variables that a play finds: told with its preview, and at the run compared with those of the preview, by a callback of
//! ours in the play's process, before its first task. So what is compared is what the play reads.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use chiffon_protocol::message::{HostVariables, Variables};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};

use super::run::Play;
use crate::inventory::sources;
use crate::variables_key::VariablesKey;

const CALLBACK: &str = include_str!("chiffon_variables.py");

/// The variable that names the file with what is bound, which the callback reads.
pub(super) const VARIABLE: &str = "CHIFFON_VARIABLES";
/// So many are named in a sentence.
const NAMED: usize = 10;

/// What a play is bound to.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub(crate) key: VariablesKey,
    /// The variables of the preview, as the work has them; nothing where there was none.
    pub(crate) bound: Option<Variables>,
}

impl Binding {
    /// Whether another agent's key made the digests of the preview, so that they tell nothing here.
    fn is_foreign(&self) -> bool {
        self.bound.as_ref().is_some_and(|bound| bound.key_id != self.key.id())
    }
}

/// Puts the callback and what is bound into the scratch folder; the path of the latter.
pub(super) fn prepare(scratch: &Path, play: &Play) -> io::Result<PathBuf> {
    let folder = scratch.join("callback");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("chiffon_variables.py"), CALLBACK)?;
    let path = scratch.join("variables.json");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    let binding = &play.binding;
    let bound = binding.bound.as_ref().filter(|_| !binding.is_foreign()).map(|bound| bound.hosts.as_slice()).unwrap_or_default();
    // Of an inventory that is files only, all is bound as Ansible has read it.
    let fixed = sources::is_dynamic(&play.inventory).then(|| sources::fixed(&play.inventory));
    let settings = json!({"key": binding.key.secret(), "hosts": play.hosts, "bound": bound, "static": fixed, "done": false});
    file.write_all(settings.to_string().as_bytes())?;
    Ok(path)
}

/// What the callback has told.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    hosts: Vec<HostVariables>,
    plugins: Vec<String>,
    changed: BTreeMap<String, Vec<String>>,
}

impl Told {
    /// Takes an event in.
    pub(super) fn read(&mut self, name: &str, event: &Value) {
        let of = |key: &str| event.get(key).cloned().unwrap_or_default();
        match name {
            "chiffon_variables" => {
                self.hosts = serde_json::from_value(of("hosts")).unwrap_or_default();
                self.plugins = serde_json::from_value(of("plugins")).unwrap_or_default();
            }
            "chiffon_variables_changed" => self.changed = serde_json::from_value(of("hosts")).unwrap_or_default(),
            _ => {}
        }
    }

    /// What the run of a preview is bound to.
    pub(super) fn to_bind(&self, play: &Play) -> Option<Variables> {
        (!self.hosts.is_empty()).then(|| Variables { key_id: play.binding.key.id(), hosts: self.hosts.clone() })
    }

    /// 5514 where the variables are not those of the preview; nothing of the play was run then.
    pub(super) fn problem(&self) -> Option<Problem> {
        let told = |(host, names): (&String, &Vec<String>)| {
            let named: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
            let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
            let which = if named.is_empty() { String::new() } else { format!(": {}{more}", named.join(", ")) };
            format!("the variables of {host} have changed since the preview{which}")
        };
        let hosts: Vec<String> = self.changed.iter().take(NAMED).map(told).collect();
        let more = if self.changed.len() > NAMED {
            format!("; so have those of {} more hosts", self.changed.len() - NAMED)
        } else {
            String::new()
        };
        let text = format!("{}{more}; nothing was changed. Ask for it again", hosts.join("; "));
        let problem = Problem::new(ErrorCode::VariablesChanged, text).with_details(json!({"variables": self.changed}));
        (!self.changed.is_empty()).then_some(problem)
    }

    /// What people should know of a preview: which sources its approval does not bind.
    pub(super) fn not_bound(&self, play: &Play) -> Option<String> {
        let name = |path: PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let mut sources: Vec<String> = sources::changing(&play.inventory).into_iter().filter_map(name).collect();
        sources.extend(self.plugins.iter().map(|plugin| format!("the variables plugin {plugin}")));
        let text = "an approval does not bind the variables that these give to the hosts, because they may differ at each reading";
        (!sources.is_empty()).then(|| format!("{text}: {}", sources.join(", ")))
    }
}

/// What people should know of a run: its variables could not be compared.
pub(super) fn not_compared(play: &Play) -> Option<String> {
    let text =
        "the variables of the hosts were not compared with those of the preview: it was made with another agent's key (`variables.key`)";
    play.binding.is_foreign().then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_names_that_changed_are_said_whatever_else_is_told() {
        let mut told = Told::default();
        told.read("chiffon_variables", &json!({"hosts": 7}));
        assert!(told.problem().is_none());
        told.read("chiffon_variables_changed", &json!({"hosts": {"nas": ["banner_text", "port"], "pi": []}}));
        let problem = told.problem().expect("they have changed");
        assert_eq!(
            problem.message,
            "the variables of nas have changed since the preview: `banner_text`, `port`; the variables of pi have changed since the preview; \
             nothing was changed. Ask for it again"
        );
    }
}

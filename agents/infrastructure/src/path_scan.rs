//! Files of the agent's machine that a playbook names by paths which no approval binds: sources of modules that send files,
//! lookups, and what `ansible.cfg` says. What only a run can tell, a name made from variables, is refused there.

use std::path::{Path, PathBuf};

use chiffon_protocol::ActionSpec;
use serde_norway::Value;

use super::ansible_config::{self, AnsibleConfig};
use super::content_hash::Covered;
use super::play_scan::{Found, LEADING, is_on};

/// Modules whose source lies on the agent's machine.
const SENDING: [&str; 7] = ["copy", "patch", "script", "template", "unarchive", "win_copy", "win_template"];
/// Lookups that read files.
const LOOKUPS: [&str; 4] = ["file", "fileglob", "template", "unvault"];

/// Paths of `ansible.cfg` that lead out of the playbooks folder.
pub(super) fn of_config(covered: &Covered) -> Vec<Found> {
    let Some(content) = covered.files.get(Path::new(ansible_config::FILE)) else { return Vec::new() };
    let outside = AnsibleConfig::read(&String::from_utf8_lossy(&content.bytes)).outside();
    let found = outside.into_iter().map(|outside| Found {
        path: PathBuf::from(ansible_config::FILE),
        line: outside.line,
        text: format!("`{} = {}` is outside the playbooks folder, so no approval binds it; put it below", outside.key, outside.path),
    });
    found.collect()
}

/// Parameters that would lead a host's name to another machine.
pub(super) fn of_parameters(spec: &ActionSpec) -> Vec<Found> {
    let leading = spec.parameter_schemas().map(|(name, _)| name).filter(|name| LEADING.contains(name));
    let found = leading.map(|name| Found {
        path: Path::new(&spec.name).join("action.yml"),
        line: 1,
        text: format!("the parameter `{name}` leads to another machine under the host's name; call it otherwise"),
    });
    found.collect()
}

/// Why the source of a module that sends files can't be covered.
pub(super) fn sent(module: &str, value: &Value) -> Option<String> {
    if !SENDING.contains(&module.rsplit('.').next().unwrap_or(module)) {
        return None;
    }
    let source = match value {
        Value::Mapping(arguments) => {
            let is_remote = arguments.get("remote_src").is_some_and(is_on);
            let named = arguments.get("src").or_else(|| arguments.get("cmd")).and_then(Value::as_str);
            named.filter(|_| !is_remote)?.to_owned()
        }
        Value::String(line) => {
            let is_remote = ["yes", "true", "True", "on"].iter().any(|yes| line.contains(&format!("remote_src={yes}")));
            let named = line.split_whitespace().find_map(|word| word.strip_prefix("src="));
            named.or_else(|| line.split_whitespace().next()).filter(|_| !is_remote)?.to_owned()
        }
        _ => return None,
    };
    let path = source.trim_matches(['"', '\'']);
    path.starts_with(['/', '~']).then(|| outside(path))
}

/// Lookups of absolute paths, wherever they stand.
pub(super) fn lookups(path: &Path, text: &str, found: &mut Vec<Found>) {
    for (number, line) in text.lines().enumerate() {
        let dense: String = line.chars().filter(|character| !character.is_whitespace()).map(|c| if c == '"' { '\'' } else { c }).collect();
        let dense = dense.replace("ansible.builtin.", "");
        let starts = LOOKUPS.iter().flat_map(|name| {
            ["lookup", "query", "q"]
                .map(|call| format!("{call}('{name}','"))
                .into_iter()
                .chain([format!("with_{name}:'"), format!("with_{name}:")])
        });
        let named =
            starts.filter_map(|start| dense.split_once(&start).map(|(_, rest)| rest.to_owned())).find(|rest| rest.starts_with(['/', '~']));
        if let Some(rest) = named {
            let file = rest.split(['\'', ',', ')']).next().unwrap_or_default();
            found.push(Found { path: path.to_owned(), line: number + 1, text: outside(file) });
        }
    }
}

fn outside(file: &str) -> String {
    format!("`{file}` is read from outside the action and what actions share, so no approval binds it; put it there")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(task: &str) -> Option<String> {
        let task: serde_norway::Mapping = serde_norway::from_str(task).expect("is YAML");
        task.iter().find_map(|(key, value)| sent(key.as_str()?, value))
    }

    #[test]
    fn sources_beyond_the_action_are_named_and_those_on_the_host_are_not() {
        for task in [
            "copy: {src: /etc/shadow, dest: /x}",
            "template: src=~/t.j2 dest=/x",
            "script: /root/run.sh now",
            "unarchive: {src: '/a.tgz', dest: /x}",
        ] {
            assert!(why(task).is_some_and(|text| text.contains("is read from outside")), "{task}");
        }
        for task in [
            "copy: {src: /a, dest: /b, remote_src: true}",
            "copy: {src: motd, dest: /etc/motd}",
            "file: {src: /a, dest: /b}",
            "copy: {content: /x, dest: /b}",
        ] {
            assert_eq!(why(task), None, "{task}");
        }
    }

    #[test]
    fn lookups_of_files_beyond_the_action_are_named_with_their_lines() {
        for line in ["{{ lookup('file', '/etc/shadow') }}", "{{ query(\"ansible.builtin.fileglob\", \"~/x/*\") }}", "with_fileglob: /etc/*"]
        {
            let mut found = Vec::new();
            lookups(Path::new("one/playbook.yml"), &format!("- debug:\n    msg: {line}\n"), &mut found);
            assert!(found.len() == 1 && found[0].line == 2, "{line}: {found:?}");
        }
        let mut found = Vec::new();
        lookups(Path::new("one/playbook.yml"), "{{ lookup('file', 'motd') }} with_file: motd", &mut found);
        assert_eq!(found, []);
    }
}

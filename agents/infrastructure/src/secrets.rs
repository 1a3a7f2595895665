//! Secrets by reference: `secret://name` in a parameter is resolved here, on the agent's host, and nowhere else.
//!
//! They stand in `<data_dir>/secrets.toml`, one `name = "value"` a line, readable by its owner only. A reference is taken only
//! where the action declares `secret: true`, and a preview gets the reference itself: nobody has approved it yet.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chiffon_protocol::ActionSpec;
use chiffon_protocol::action::{SECRET_PREFIX as PREFIX, is_secret};
use chiffon_protocol::message::Mode;
use serde_json::{Map, Value};

use super::content_hash::open_regular;
use super::redact::SHORTEST_SECRET;

/// What is beyond is not read, and then the file is no list of secrets.
const LONGEST_BYTES: u64 = 16 * 1024 * 1024;

/// Where the secrets are; read anew for each use, so that a change needs no restart.
#[derive(Debug, Clone)]
pub(super) struct Secrets {
    path: PathBuf,
    /// Every value since this agent began: one that was changed still stands on hosts.
    seen: Arc<Mutex<BTreeSet<String>>>,
    /// The file as it was looked at last.
    looked_at: Arc<Mutex<Option<Stamp>>>,
}

/// What tells whether a file was written or given other rights: its inode, and when that changed (seconds, nanoseconds).
type Stamp = (u64, i64, i64);

/// Parameters as the play gets them, and what must not be seen of them.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    /// Defaults filled in; secrets resolved, but for a preview.
    pub(super) parameters: Map<String, Value>,
    /// Every secret of this agent, and the values of parameters that are declared as secrets.
    pub(super) secrets: Vec<String>,
    /// The references that a preview shows in place of secrets.
    pub(super) references: Vec<String>,
}

/// Why parameters can't be prepared, for people; neither a value nor a path is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unprepared {
    /// The list itself can't be used, so nothing that is in it can be kept out of logs.
    #[error("{0}")]
    List(String),
    /// One reference can't be resolved.
    #[error("{0}")]
    Reference(String),
}

impl Secrets {
    pub(super) fn in_folder(data_dir: &Path) -> Self {
        let secrets = Self { path: data_dir.join("secrets.toml"), seen: Arc::default(), looked_at: Arc::default() };
        secrets.were_touched();
        secrets
    }

    /// Whether the file was written, or its rights were changed, since the last look: what was declined because of it can be asked again.
    pub(super) fn were_touched(&self) -> bool {
        let stamp = std::fs::metadata(&self.path).ok().map(|file| (file.ino(), file.ctime(), file.ctime_nsec()));
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *looked_at, stamp) != stamp
    }

    /// Fills in defaults and looks up every reference; resolves them only for work that was approved.
    pub(super) fn prepare(&self, spec: &ActionSpec, given: &Map<String, Value>, mode: Mode) -> Result<Prepared, Unprepared> {
        let known = self.read().map_err(Unprepared::List)?;
        let mut prepared = Prepared { parameters: spec.with_defaults(given), ..Prepared::default() };
        for (name, value) in &mut prepared.parameters {
            let names = references(value);
            let declared = spec.parameter_schemas().any(|(parameter, schema)| parameter == name && is_secret(schema));
            if let (Some(secret), false) = (names.first(), declared) {
                return Err(Unprepared::Reference(format!(
                    "`{name}` is no place for the secret `{secret}`: its action does not declare `secret: true` on that parameter"
                )));
            }
            for secret in &names {
                usable(secret, known.get(secret)).map_err(Unprepared::Reference)?;
                prepared.references.push(format!("{PREFIX}{secret}"));
            }
            if mode == Mode::Apply {
                replace(value, &known);
            }
            if declared {
                texts(value, &mut prepared.secrets);
            }
        }
        prepared.secrets.retain(|text| !text.starts_with(PREFIX));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(known.into_values());
        prepared.secrets.extend(seen.iter().cloned());
        Ok(prepared)
    }

    fn read(&self) -> Result<BTreeMap<String, String>, String> {
        const FILE: &str = "`secrets.toml` in the agent's folder";
        let mut file = match open_regular(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(format!("{FILE} can't be read: {error}")),
        };
        let metadata = file.metadata().map_err(|error| format!("{FILE} can't be read: {error}"))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(format!("{FILE} can be read by others; `chmod 600` it, and change what stands in it"));
        }
        let mut text = String::new();
        file.by_ref().take(LONGEST_BYTES).read_to_string(&mut text).map_err(|error| format!("{FILE} can't be read: {error}"))?;
        // A parser's message would show the line, and with it the secret.
        toml::from_str(&text).map_err(|_| format!("{FILE} is not a list of `name = \"value\"` lines"))
    }
}

/// The names of the secrets that a value refers to.
pub(super) fn references(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    texts(value, &mut found);
    found.iter().filter_map(|text| text.strip_prefix(PREFIX)).map(str::to_owned).collect()
}

fn usable(name: &str, value: Option<&String>) -> Result<(), String> {
    match value {
        None => Err(format!("this agent has no secret `{name}`; add the line `{name} = \"...\"` to its secrets.toml")),
        Some(value) if value.chars().count() < SHORTEST_SECRET => Err(format!(
            "the secret `{name}` is shorter than {SHORTEST_SECRET} characters, so it can't be kept out of logs and diffs; use a longer one"
        )),
        Some(_) => Ok(()),
    }
}

fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(members) => members.values().for_each(|member| texts(member, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn replace(value: &mut Value, known: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(secret) = text.strip_prefix(PREFIX).and_then(|name| known.get(name)) {
                secret.clone_into(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, known)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FILE: &str = "db = \"hunter2-and-more\"\nshort = \"417\"\n";

    fn with_file(text: &str, mode: u32) -> (tempfile::TempDir, Secrets) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.toml");
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
        let secrets = Secrets::in_folder(folder.path());
        (folder, secrets)
    }

    fn prepare(secrets: &Secrets, given: &Value, mode: Mode) -> Result<Prepared, Unprepared> {
        let spec = ActionSpec::from_yaml(
            "name: tell\ntitle: Tell\ndescription: For a test.\nexamples: [\"tell\"]\nagent_type: infrastructure\nparameters:\n  type: object\n  \
             properties:\n    access: {type: array, secret: true}\n    note: {type: string}\nrisk: low\ncheck: full\ntimeout_seconds: 60\n",
        )
        .expect("is an action");
        secrets.prepare(&spec, given.as_object().expect("is an object"), mode)
    }

    #[test]
    fn references_are_replaced_wherever_they_stand_but_not_in_a_preview() {
        let (_folder, secrets) = with_file(FILE, 0o600);
        let given = json!({"access": ["secret://db", {"of": "secret://db"}, "given-by-hand"]});
        let applied = prepare(&secrets, &given, Mode::Apply).expect("resolves");
        assert_eq!(applied.parameters["access"], json!(["hunter2-and-more", {"of": "hunter2-and-more"}, "given-by-hand"]));
        let previewed = prepare(&secrets, &given, Mode::Check).expect("is known");
        assert_eq!(Value::Object(previewed.parameters), given);
        assert_eq!(previewed.references, ["secret://db", "secret://db"]);
        for secret in ["hunter2-and-more", "417", "given-by-hand"] {
            assert!(previewed.secrets.iter().any(|known| known == secret), "redaction knows {secret}");
        }
    }

    #[test]
    fn what_is_missing_short_or_not_declared_is_refused_in_both_modes_without_showing_anything() {
        let (folder, secrets) = with_file(FILE, 0o600);
        for (given, part) in [
            (json!({"access": ["secret://other"]}), "no secret `other`"),
            (json!({"access": ["secret://short"]}), "`short` is shorter than 8"),
            (json!({"note": "secret://db"}), "does not declare `secret: true`"),
        ] {
            for mode in [Mode::Apply, Mode::Check] {
                let error = prepare(&secrets, &given, mode).expect_err(part).to_string();
                assert!(error.contains(part), "{error}");
                for hidden in ["hunter2", "417", &folder.path().display().to_string()] {
                    assert!(!error.contains(hidden), "{error}");
                }
            }
        }
    }

    #[test]
    fn an_open_and_a_malformed_file_are_refused_without_showing_anything() {
        for (text, mode, part) in [(FILE, 0o644, "chmod 600"), ("db = hunter2\n", 0o600, "is not a list")] {
            let (_folder, secrets) = with_file(text, mode);
            let error = prepare(&secrets, &json!({"access": ["secret://db"]}), Mode::Apply).expect_err(part).to_string();
            assert!(error.contains(part) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_mended_is_seen_once() {
        let (folder, secrets) = with_file(FILE, 0o644);
        assert!(!secrets.were_touched());
        let path = folder.path().join("secrets.toml");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
        assert!(secrets.were_touched() && !secrets.were_touched());
        std::fs::write(&path, "db = \"another-one\"\n").expect("written");
        assert!(secrets.were_touched());
        std::fs::remove_file(&path).expect("removed");
        assert!(secrets.were_touched() && !secrets.were_touched());
    }

    #[test]
    fn a_value_that_was_changed_is_still_known_to_redaction() {
        let (folder, secrets) = with_file(FILE, 0o600);
        prepare(&secrets, &json!({}), Mode::Check).expect("is read");
        std::fs::write(folder.path().join("secrets.toml"), "db = \"of-today-only\"\n").expect("written");
        let prepared = prepare(&secrets, &json!({}), Mode::Check).expect("is read");
        assert_eq!(prepared.secrets, ["417", "hunter2-and-more", "of-today-only"]);
    }
}

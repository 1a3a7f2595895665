//! Secrets by reference: `secret://name` in a parameter is resolved here, on the agent's host, and nowhere else.
//!
//! They stand in `<data_dir>/secrets.toml`, one `name = "value"` a line, readable by its owner only.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

const PREFIX: &str = "secret://";

/// Where the secrets are; read anew for each use, so that a change needs no restart.
#[derive(Debug, Clone)]
pub(super) struct Secrets {
    path: PathBuf,
}

impl Secrets {
    pub(super) fn in_folder(data_dir: &Path) -> Self {
        Self { path: data_dir.join("secrets.toml") }
    }

    /// Replaces every reference in a value; the secrets that were used are added to `used`.
    pub(super) fn resolve(&self, value: &mut Value, used: &mut Vec<String>) -> Result<(), String> {
        let mut known = None;
        self.replace(value, used, &mut known)
    }

    fn replace(&self, value: &mut Value, used: &mut Vec<String>, known: &mut Option<BTreeMap<String, String>>) -> Result<(), String> {
        match value {
            Value::String(text) => {
                let Some(name) = text.strip_prefix(PREFIX) else { return Ok(()) };
                if known.is_none() {
                    *known = Some(self.read()?);
                }
                let found = known.as_ref().and_then(|known| known.get(name));
                let secret = found.ok_or_else(|| {
                    format!("there is no secret `{name}` in {} on this agent; add the line `{name} = \"...\"`", self.path.display())
                })?;
                used.push(secret.clone());
                secret.clone_into(text);
                Ok(())
            }
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.replace(item, used, known)),
            Value::Object(members) => members.values_mut().try_for_each(|member| self.replace(member, used, known)),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    fn read(&self) -> Result<BTreeMap<String, String>, String> {
        let path = self.path.display();
        let metadata = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(format!("{path} can't be read: {error}")),
        };
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(format!("{path} can be read by others; `chmod 600 {path}`"));
        }
        let text = std::fs::read_to_string(&self.path).map_err(|error| format!("{path} can't be read: {error}"))?;
        // A parser's message would show the line, and with it the secret.
        toml::from_str(&text).map_err(|_| format!("{path} is not a list of `name = \"value\"` lines"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with_file(text: &str, mode: u32) -> (tempfile::TempDir, Secrets) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.toml");
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
        let secrets = Secrets::in_folder(folder.path());
        (folder, secrets)
    }

    #[test]
    fn references_are_replaced_wherever_they_stand() {
        let (_folder, secrets) = with_file("db = \"hunter2\"\n", 0o600);
        let mut value = json!({"password": "secret://db", "list": ["secret://db", "plain"]});
        let mut used = Vec::new();
        secrets.resolve(&mut value, &mut used).expect("resolves");
        assert_eq!(value, json!({"password": "hunter2", "list": ["hunter2", "plain"]}));
        assert_eq!(used, ["hunter2", "hunter2"]);
    }

    #[test]
    fn a_missing_secret_and_an_open_file_are_refused_without_showing_anything() {
        let (_folder, secrets) = with_file("db = \"hunter2\"\n", 0o600);
        let error = secrets.resolve(&mut json!("secret://other"), &mut Vec::new()).expect_err("is missing");
        assert!(error.contains("`other`") && !error.contains("hunter2"), "{error}");
        let (_folder, secrets) = with_file("db = \"hunter2\"\n", 0o644);
        let error = secrets.resolve(&mut json!("secret://db"), &mut Vec::new()).expect_err("is open");
        assert!(error.contains("chmod 600"), "{error}");
        let (_folder, secrets) = with_file("db = hunter2\n", 0o600);
        let error = secrets.resolve(&mut json!("secret://db"), &mut Vec::new()).expect_err("is malformed");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

//! The hooks, as the configuration has them: who may call, how a call is signed, and what it asks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chiffon_requests::domain::asked_action::AskedAction;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::scheme::Scheme;
use super::template::{self, Template};

/// `[webhooks]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// The hooks.
    #[serde(deserialize_with = "hooks")]
    pub hooks: Vec<Hook>,
}

/// One hook.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// What its address ends with.
    pub name: String,
    /// How calls are signed.
    pub signed_by: Scheme,
    /// The environment variable that holds the secret.
    #[serde(default)]
    pub secret_env: Option<String>,
    /// The file that holds it.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The program in whose name it asks.
    pub asks_as: String,
    /// What it asks, in words.
    #[serde(default)]
    pub text: Option<Template>,
    /// Or an action.
    #[serde(default)]
    pub action: Option<String>,
    /// Where that runs.
    #[serde(default)]
    pub hosts: Vec<Template>,
    /// And with what.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// What a call's body must have, by place; another call asks nothing.
    #[serde(default)]
    pub only_if: BTreeMap<String, Value>,
}

/// What a call asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// In words.
    Words(String),
    /// An action.
    Action(AskedAction),
}

impl Hook {
    /// Why a call with this body asks nothing, if it does not.
    pub fn passed_over(&self, body: &Value) -> Option<String> {
        let differs = |(place, wanted): &(&String, &Value)| body.pointer(place) != Some(*wanted);
        let (place, wanted) = self.only_if.iter().find(differs)?;
        Some(format!("`{place}` of its body is not {wanted} (`only_if`)"))
    }

    /// What a call with this body asks, or why that can't be said.
    pub fn asked(&self, body: &Value) -> Result<Asked, String> {
        if let Some(text) = &self.text {
            return text.words(body).map(Asked::Words);
        }
        let mut hosts = Vec::new();
        for host in &self.hosts {
            match host.value(body)? {
                // Several in one place.
                Value::Array(several) => {
                    let name = |one: Value| one.as_str().map(str::to_owned).ok_or_else(|| format!("`{one}` is no host's name"));
                    hosts.extend(several.into_iter().map(name).collect::<Result<Vec<_>, _>>()?);
                }
                Value::String(one) => hosts.push(one),
                other => return Err(format!("`{other}` is no host's name")),
            }
        }
        let parameters = template::members_filled(&self.parameters, body)?;
        Ok(Asked::Action(AskedAction { name: self.action.clone().unwrap_or_default(), hosts, parameters }))
    }

    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            return Err(format!("`{}` is no hook's name; use 1 to 64 of a-z, 0-9, - and _", name.escape_default()));
        }
        match (&self.secret_env, &self.secret_file) {
            (Some(_), Some(_)) => return Err(format!("the hook `{name}` has secret_env and secret_file; say one of them")),
            (None, None) => return Err(format!("the hook `{name}` needs secret_file (or secret_env): calls are known by it")),
            _ => {}
        }
        match (&self.text, &self.action) {
            (Some(_), Some(_)) => return Err(format!("the hook `{name}` has text and action; say one of them")),
            (None, None) => return Err(format!("the hook `{name}` asks nothing; give it a text, or an action with hosts and parameters")),
            (Some(_), None) if !self.hosts.is_empty() || !self.parameters.is_empty() => {
                return Err(format!("the hook `{name}` has hosts or parameters beside its text; they belong to an action"));
            }
            _ => {}
        }
        if let Some(place) = self.only_if.keys().find(|place| !place.starts_with('/')) {
            return Err(format!("`{place}` in only_if of the hook `{name}` names no place; write a JSON Pointer, such as /status"));
        }
        self.parameters.values().try_for_each(template::check).map_err(|why| format!("parameters of the hook `{name}`: {why}"))
    }
}

fn hooks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Hook>, D::Error> {
    let hooks = Vec::<Hook>::deserialize(deserializer)?;
    let mut names = BTreeSet::new();
    for hook in &hooks {
        hook.check().map_err(D::Error::custom)?;
        if !names.insert(hook.name.as_str()) {
            return Err(D::Error::custom(format!("two hooks are called `{}`; give each a name of its own", hook.name)));
        }
    }
    Ok(hooks)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(hook: &Value) -> Result<Hook, String> {
        let read = serde_json::from_value::<Webhooks>(json!({"hooks": [hook]})).map_err(|error| error.to_string());
        read.map(|mut webhooks| webhooks.hooks.remove(0))
    }

    fn good() -> Value {
        json!({"name": "alerts", "signed_by": "standard", "secret_env": "S", "asks_as": "alertmanager", "text": "Clean up {{/host}}"})
    }

    #[test]
    fn a_hook_that_can_not_be_meant_is_refused_in_words() {
        assert!(read(&good()).is_ok());
        for (key, value, words) in [
            ("name", json!("Alerts!"), "no hook's name"),
            ("signed_by", json!("hope"), "unknown variant"),
            ("secret_env", json!(null), "needs secret_file"),
            ("secret_file", json!("/a"), "say one of them"),
            ("text", json!(null), "asks nothing"),
            ("text", json!("{{/host"), "does not close"),
            ("action", json!("reboot"), "has text and action"),
            ("hosts", json!(["nas"]), "belong to an action"),
            ("only_if", json!({"status": "firing"}), "names no place"),
            ("colour", json!("red"), "unknown field"),
        ] {
            let mut hook = good();
            hook[key] = value;
            let refused = read(&hook).expect_err(key);
            assert!(refused.contains(words), "{key}: {refused}");
        }
        let twice = serde_json::from_value::<Webhooks>(json!({"hooks": [good(), good()]})).expect_err("twice").to_string();
        assert!(twice.contains("two hooks are called `alerts`"), "{twice}");
    }

    #[test]
    fn a_body_fills_what_is_asked_and_another_is_passed_over() {
        let mut hook = good();
        hook["only_if"] = json!({"/status": "firing"});
        let words = read(&hook).unwrap();
        assert_eq!(words.passed_over(&json!({"status": "firing"})), None);
        let why = words.passed_over(&json!({"status": "resolved"})).expect("it is another");
        assert_eq!(why, "`/status` of its body is not \"firing\" (`only_if`)");
        assert_eq!(words.asked(&json!({"host": "nas"})), Ok(Asked::Words("Clean up nas".to_owned())));
        let hook = json!({"name": "deploy", "signed_by": "github", "secret_env": "S", "asks_as": "ci", "action": "deploy_kuma",
            "hosts": ["{{/hosts}}", "web-{{/n}}"], "parameters": {"port": "{{/port}}"}});
        let action = read(&hook).unwrap();
        let Ok(Asked::Action(asked)) = action.asked(&json!({"hosts": ["nas", "pi"], "n": 3, "port": 3001})) else { panic!("an action") };
        assert_eq!(
            (asked.hosts, asked.parameters["port"].clone()),
            (vec!["nas".to_owned(), "pi".to_owned(), "web-3".to_owned()], json!(3001))
        );
        assert!(action.asked(&json!({"hosts": [1], "n": 3, "port": 1})).unwrap_err().contains("no host's name"));
    }
}

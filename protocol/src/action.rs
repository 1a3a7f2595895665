//! The action format: what `playbooks/<name>/action.yml` says, as agents announce it and planners read it.
//!
//! Parsing is strict (an unknown field is an error), because an ignored field could weaken what a person approved.
//! Reading folders and hashing them is the agents' business.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::message::{AgentType, Resources};

/// How much harm an action can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Changes nothing.
    ReadOnly,
    /// Easily undone.
    Low,
    /// Changes services.
    Medium,
    /// Can take a host or a service down.
    High,
    /// Removes things.
    Destructive,
}

impl Risk {
    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Destructive => "destructive",
        }
    }
}

/// Whether an action may be run again after an unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Repeatable {
    /// Twice is the same as once.
    Yes,
    /// After a fresh preview and a person's word.
    CheckFirst,
    /// Only by a person's word.
    #[default]
    No,
}

impl Repeatable {
    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::CheckFirst => "check_first",
            Self::No => "no",
        }
    }
}

/// How well check mode previews an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckSupport {
    /// All of it.
    Full,
    /// Some of it.
    Partial,
    /// None of it: no preview is made.
    None,
}

/// Whether the play becomes root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    /// It does not.
    #[default]
    None,
    /// It does.
    Become,
}

/// Which parameter names the hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The parameter's name.
    pub parameter: String,
}

/// How to take an action back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The action that undoes it.
    pub action: String,
    /// Its parameters; may refer to `${parameters.x}`.
    #[serde(default)]
    pub with: Map<String, Value>,
}

/// What an action's play gives back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    /// JSON Schema of each output; `provides: TYPE` in one says what accepts it.
    #[serde(default)]
    pub properties: Map<String, Value>,
    /// Outputs that are always there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
}

/// What action.yml says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionSpec {
    /// Lower-case words joined by underscores; the folder's name.
    pub name: String,
    /// A few words for people.
    pub title: String,
    /// What it does.
    pub description: String,
    /// Sentences that ask for it.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Other words for things it and its parameters are called.
    #[serde(default)]
    pub aliases: BTreeMap<String, Vec<String>>,
    /// Who runs it.
    pub agent_type: AgentType,
    /// Which parameter names the hosts.
    #[serde(default)]
    pub target: Option<Target>,
    /// JSON Schema (an object) of the parameters; unknown ones are refused. Keywords of our own: `accepts`, `risk`.
    pub parameters: Map<String, Value>,
    /// What it gives back.
    #[serde(default)]
    pub outputs: Outputs,
    /// How much harm it can do.
    pub risk: Risk,
    /// Whether it may be repeated.
    #[serde(default)]
    pub repeatable: Repeatable,
    /// How well it can be previewed.
    pub check: CheckSupport,
    /// Whether it becomes root.
    #[serde(default)]
    pub privilege: Privilege,
    /// What it needs while it runs.
    #[serde(default)]
    pub resources: Resources,
    /// The longest it may run.
    pub timeout_seconds: u64,
    /// How to take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// Why it can't be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub irreversible: Option<String>,
    /// Applied intent in the audit repository: path template to value template.
    #[serde(default)]
    pub records: BTreeMap<String, Value>,
    /// What it runs with beside the playbooks folder, each with its version: ansible-core and the installed collections that its
    /// plays use. Never in action.yml: the agent fills it in, and its content hash binds it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runs_with: BTreeMap<String, String>,
    /// Plugins and modules that it brings along, by their paths below the playbooks folder: code that runs as it is, in previews, too.
    /// Never in action.yml: the agent fills it in, and its content hash binds the files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_code: Vec<String>,
}

/// Why an action.yml is refused.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// Not YAML, or a field is missing, unknown or of a wrong type.
    #[error("{0}")]
    Format(String),
    /// A rule of the format is broken.
    #[error("`{field}`: {rule}")]
    Rule {
        /// Where.
        field: String,
        /// What must hold.
        rule: String,
    },
}

/// The fields of the format, for strict parsing and suggestions.
pub const FIELDS: &[&str] = &[
    "name",
    "title",
    "description",
    "examples",
    "aliases",
    "agent_type",
    "target",
    "parameters",
    "outputs",
    "risk",
    "repeatable",
    "check",
    "privilege",
    "resources",
    "timeout_seconds",
    "undo",
    "irreversible",
    "records",
];

impl ActionSpec {
    /// Reads and checks the text of an action.yml.
    pub fn from_yaml(text: &str) -> Result<Self, ActionError> {
        let value: Value = serde_norway::from_str(text).map_err(|error| ActionError::Format(error.to_string()))?;
        let Value::Object(members) = &value else {
            return Err(ActionError::Format("action.yml must be a mapping of fields".to_owned()));
        };
        if let Some(unknown) = members.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            return Err(rule(unknown, format!("unknown field; the fields are {}", FIELDS.join(", "))));
        }
        let spec: Self = serde_json::from_value(value).map_err(|error| ActionError::Format(error.to_string()))?;
        spec.check_rules()?;
        Ok(spec)
    }

    fn check_rules(&self) -> Result<(), ActionError> {
        let named_well = self.name.starts_with(|c: char| c.is_ascii_lowercase())
            && self.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !named_well {
            return Err(rule("name", "lower-case letters, digits and underscores, a letter first".to_owned()));
        }
        if self.timeout_seconds == 0 {
            return Err(rule("timeout_seconds", "must be at least 1".to_owned()));
        }
        if self.parameters.get("type").and_then(Value::as_str) != Some("object") {
            return Err(rule("parameters", "must be a JSON Schema with `type: object`".to_owned()));
        }
        let known: Vec<&str> = self.parameter_schemas().map(|(name, _)| name).collect();
        if let Some(target) = &self.target
            && !known.contains(&target.parameter.as_str())
        {
            return Err(rule("target.parameter", format!("`{}` is not one of the parameters {}", target.parameter, known.join(", "))));
        }
        if self.undo.is_some() && self.irreversible.is_some() {
            return Err(rule("irreversible", "an action with `undo` is not irreversible; keep one of the two".to_owned()));
        }
        if self.risk == Risk::ReadOnly && !self.records.is_empty() {
            return Err(rule("records", "a read-only action applies nothing that could be recorded".to_owned()));
        }
        Ok(())
    }

    /// Each parameter with its schema, in the order they were written.
    pub fn parameter_schemas(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.parameters
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|properties| properties.iter().map(|(name, schema)| (name.as_str(), schema)))
    }

    /// The names of the parameters that must be given.
    pub fn required_parameters(&self) -> Vec<&str> {
        self.parameters.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The parameters with the defaults of the schema filled in for those that are absent.
    pub fn with_defaults(&self, given: &Map<String, Value>) -> Map<String, Value> {
        let mut filled = given.clone();
        for (name, schema) in self.parameter_schemas() {
            if let (false, Some(default)) = (filled.contains_key(name), schema.get("default")) {
                filled.insert(name.to_owned(), default.clone());
            }
        }
        filled
    }

    /// Whether a parameter must never be filled by an output reference: it names hosts or is marked `risk: true`.
    pub fn is_risk_bearing(&self, parameter: &str) -> bool {
        let is_target = self.target.as_ref().is_some_and(|target| target.parameter == parameter);
        is_target
            || self.parameter_schemas().any(|(name, schema)| name == parameter && schema.get("risk").and_then(Value::as_bool) == Some(true))
    }

    /// The parameters that are declared `secret: true`: only `secret://NAME` may stand there.
    pub fn secret_parameters(&self) -> impl Iterator<Item = &str> {
        self.parameter_schemas().filter(|(_, schema)| is_secret(schema)).map(|(name, _)| name)
    }

    /// The hosts that these parameters name.
    pub fn hosts_in(&self, parameters: &Map<String, Value>) -> Vec<String> {
        let named = self.target.as_ref().and_then(|target| parameters.get(&target.parameter));
        match named {
            Some(Value::String(host)) => vec![host.clone()],
            Some(Value::Array(hosts)) => hosts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }
}

/// What stands before the name of a secret, where the secret itself must not stand.
pub const SECRET_PREFIX: &str = "secret://";

/// Whether a parameter's schema says that secrets may stand there, by reference.
pub fn is_secret(schema: &Value) -> bool {
    schema.get("secret").and_then(Value::as_bool) == Some(true)
}

/// Whether a value of a secret parameter has a text or a number in it, at any depth, that refers to no secret: the secret itself.
pub fn has_plain_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty() && text.strip_prefix(SECRET_PREFIX).is_none_or(str::is_empty),
        Value::Number(_) => true,
        Value::Array(items) => items.iter().any(has_plain_secret),
        Value::Object(members) => members.values().any(has_plain_secret),
        Value::Null | Value::Bool(_) => false,
    }
}

fn rule(field: &str, rule: String) -> ActionError {
    ActionError::Rule { field: field.to_owned(), rule }
}

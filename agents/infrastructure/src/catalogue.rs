//! The actions of a playbooks folder. An invalid one is left out with its reason and does not stop the others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chiffon_protocol::kind::INFRASTRUCTURE;
use chiffon_protocol::message::{AnnouncedAction, NotOffered};
use chiffon_protocol::{ActionSpec, ErrorCode, Problem};
use serde_json::{Map, Value};
use walkdir::WalkDir;

use super::action_check::{self, Findings};
use super::content_hash::{self, Covered};
use super::installed::Installed;
use super::own_code;
use super::shared_types::SharedTypes;

/// No action.yml is longer.
const LONGEST_SPEC_BYTES: u64 = 4 * 1024 * 1024;
/// Characters of a reason that hello carries.
const LONGEST_REASON: usize = 2_000;
/// Actions whose reasons hello carries.
const MOST_NOT_OFFERED: usize = 100;

/// An action as this agent can run it.
#[derive(Debug, Clone)]
pub struct Action {
    /// What action.yml says, references to shared types resolved.
    pub spec: ActionSpec,
    /// The content hash.
    pub sha256: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What in it looks like a collection's name.
    named: BTreeSet<String>,
}

impl Action {
    /// Reads the action of one folder.
    pub(super) fn load(playbooks: &Path, name: &str, types: &SharedTypes, installed: &Installed) -> Result<Self, Problem> {
        let folder = playbooks.join(name);
        let path = folder.join("action.yml");
        let placed = |text: String| {
            let text = format!("{text}; `chiffon action check {}` shows all findings", folder.display());
            Problem::new(ErrorCode::ActionInvalid, text)
        };
        let invalid = |text: String| placed(format!("{}: {text}", path.display()));
        let text = content_hash::read_regular(&path, LONGEST_SPEC_BYTES).map_err(|error| invalid(error.to_string()))?;
        let mut spec = ActionSpec::from_yaml(&text).map_err(|error| invalid(error.to_string()))?;
        if spec.name != name {
            return Err(invalid(format!("`name` is `{}`, but the folder is `{name}`", spec.name)));
        }
        if !folder.join("playbook.yml").is_file() {
            return Err(invalid("there is no playbook.yml beside it".to_owned()));
        }
        spec.parameters = types.inlined_members(&spec.parameters).map_err(invalid)?;
        spec.outputs.properties = types.inlined_members(&spec.outputs.properties).map_err(invalid)?;
        for schema in [parameters_schema(&spec), outputs_schema(&spec)] {
            jsonschema::validator_for(&schema).map_err(|error| invalid(format!("not a JSON Schema: {error}")))?;
        }
        let mut findings = Findings::default();
        action_check::of_spec(&text, &path, playbooks, name, &mut findings);
        if let Some(errors) = findings.errors() {
            return Err(placed(errors));
        }
        let covered = Covered::read(playbooks, name).map_err(invalid)?;
        let found = action_check::of_play(&covered, playbooks, &spec);
        if !found.is_empty() {
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            return Err(invalid(found.join("; ")));
        }
        let named = installed.named_in(&covered);
        spec.runs_with = installed.versions_of(&named);
        spec.own_code = own_code::of(&covered, name);
        let sha256 = covered.sha256(&spec.runs_with);
        Ok(Self { spec, sha256, folder, named })
    }

    /// Why these parameters do not fit, each with its place.
    pub(super) fn parameter_findings(&self, parameters: &Map<String, Value>) -> Vec<String> {
        findings(&parameters_schema(&self.spec), &Value::Object(parameters.clone()))
    }

    /// Why these outputs do not fit, each with its place.
    pub(super) fn output_findings(&self, outputs: &Map<String, Value>) -> Vec<String> {
        findings(&outputs_schema(&self.spec), &Value::Object(outputs.clone()))
    }
}

/// Unknown parameters are refused whatever the schema says.
fn parameters_schema(spec: &ActionSpec) -> Value {
    let mut schema = spec.parameters.clone();
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    Value::Object(schema)
}

fn outputs_schema(spec: &ActionSpec) -> Value {
    serde_json::json!({"type": "object", "properties": spec.outputs.properties, "required": spec.outputs.required})
}

fn findings(schema: &Value, value: &Value) -> Vec<String> {
    match jsonschema::validator_for(schema) {
        Ok(validator) => validator
            .iter_errors(value)
            .map(|error| {
                let place = error.instance_path().to_string();
                if place.is_empty() { error.to_string() } else { format!("{place}: {error}") }
            })
            .collect(),
        Err(error) => vec![format!("the schema can't be used: {error}")],
    }
}

/// All usable actions of a playbooks folder.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// By name.
    pub actions: BTreeMap<String, Action>,
    /// Why others are left out, by name.
    pub problems: BTreeMap<String, Problem>,
    seen: Vec<(PathBuf, SystemTime, u64)>,
}

impl Catalogue {
    /// Reads a playbooks folder; only a folder that can't be read at all is an error. Without the versions of what is installed.
    pub fn load(playbooks: &Path) -> Result<Self, Problem> {
        Self::load_with(playbooks, &Installed::default())
    }

    /// Reads a playbooks folder, and binds each action to the versions of what it runs with.
    pub(super) fn load_with(playbooks: &Path, installed: &Installed) -> Result<Self, Problem> {
        let unreadable = |error: &dyn std::fmt::Display| {
            let text = format!("the playbooks in {} can't be read: {error}; give the folder of the actions", playbooks.display());
            Problem::new(ErrorCode::ActionInvalid, text)
        };
        let types = SharedTypes::load(playbooks).map_err(|error| unreadable(&error))?;
        let mut catalogue = Self { seen: look(playbooks), ..Self::default() };
        for entry in std::fs::read_dir(playbooks).map_err(|error| unreadable(&error))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !entry.path().join("action.yml").is_file() {
                continue;
            }
            match Action::load(playbooks, &name, &types, installed) {
                Ok(action) if action.spec.agent_type == INFRASTRUCTURE.name => {
                    catalogue.actions.insert(name, action);
                }
                Ok(_) => {}
                Err(problem) => {
                    tracing::error!(action = name, code = problem.code.number(), "{}", problem.message);
                    catalogue.problems.insert(name, problem);
                }
            }
        }
        Ok(catalogue)
    }

    /// Whether a file of the folder was added, removed or written since this was read.
    pub fn is_stale(&self, playbooks: &Path) -> bool {
        self.seen != look(playbooks)
    }

    /// Whether an action would run with other versions by now than it was announced with.
    pub(super) fn runs_with_others(&self, installed: &Installed) -> bool {
        self.actions.values().any(|action| installed.versions_of(&action.named) != action.spec.runs_with)
    }

    /// What hello says of those that are left out.
    pub fn not_offered(&self) -> Vec<NotOffered> {
        let told = self.problems.iter().take(MOST_NOT_OFFERED);
        told.map(|(name, problem)| NotOffered { name: name.clone(), code: problem.code.number(), reason: bounded(&problem.message) })
            .collect()
    }

    /// That more are left out than hello names, in words.
    pub(super) fn not_told(&self) -> Option<String> {
        let more = self.problems.len().saturating_sub(MOST_NOT_OFFERED);
        (more > 0).then(|| format!("{more} more actions are not in order, which the agent's log names"))
    }

    /// As hello announces it.
    pub fn announced(&self) -> Vec<AnnouncedAction> {
        self.actions.values().map(|action| AnnouncedAction { spec: action.spec.clone(), sha256: action.sha256.clone() }).collect()
    }
}

/// A reason as it travels: play after play of findings would fill a hello.
fn bounded(text: &str) -> String {
    if text.chars().count() <= LONGEST_REASON {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST_REASON).collect();
    format!("{kept} … (cut off)")
}

/// Every file with the time it was written and its length. Demo hosts and tests are no part of an action.
fn look(playbooks: &Path) -> Vec<(PathBuf, SystemTime, u64)> {
    WalkDir::new(playbooks)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() != 1 || !matches!(entry.file_name().to_str(), Some("demo" | "tests")))
        .flatten()
        .filter(|entry| !entry.path().components().any(|part| part.as_os_str() == "__pycache__"))
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            Some((entry.path().to_owned(), metadata.modified().ok()?, metadata.len()))
        })
        .collect()
}

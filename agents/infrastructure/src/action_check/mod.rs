//! `chiffon action check DIR`: everything that is wrong with an action, found before anybody plans with it.
//!
//! What needs no Ansible ([`of_spec`], [`of_play`]) keeps an action out of an agent's catalogue, too: nothing that is an error here is
//! offered there.

use std::path::Path;
use std::process::Stdio;

use chiffon_process::bounded;
use chiffon_protocol::action::{has_plain_secret, is_secret};
use chiffon_protocol::kind::INFRASTRUCTURE;
use chiffon_protocol::{ActionSpec, ErrorCode};
use serde_json::Value;

mod format;
mod needs;
mod place;

use super::ansible_config::environment;
use super::catalogue::Action;
use super::content_hash::{Covered, read_regular};
use super::installed::Installed;
use super::own_code;
use super::play_scan::{self, Found};
use super::secrets::references;
use super::shared_types::SharedTypes;

/// What Ansible has to say about a playbook is shorter.
const LONGEST_OUTPUT_BYTES: usize = 4 * 1024 * 1024;

/// No file that it reads itself is longer.
const LONGEST_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The action can't be used.
    Error,
    /// It can, but a person should look.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// The code under which the agent would report it.
    pub code: ErrorCode,
    /// The file, with the place in it where there is one.
    pub place: String,
    /// What is wrong, and what to do.
    pub text: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(formatter, "{severity}: {}: {} ({})", self.place, self.text, self.code)
    }
}

/// Checks the action in `folder` (its parent being the playbooks folder) with this `ansible-playbook`. Empty: all is well.
pub async fn check(folder: &Path, ansible_playbook: &Path) -> Vec<Finding> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut findings = Findings::default();
    let playbooks = folder.parent().unwrap_or(Path::new("/"));
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let spec_path = folder.join("action.yml");
    let playbook = folder.join("playbook.yml");
    let read = read_regular(&spec_path, LONGEST_FILE_BYTES);
    let spec = match &read {
        Ok(text) => of_spec(text, &spec_path, playbooks, &name, &mut findings),
        Err(error) => {
            findings.error(&spec_path, format!("can't be read: {error}"));
            None
        }
    };
    if playbook.is_file() {
        let spec = spec.or_else(|| as_far_as_it_can_be_read(read.as_deref().unwrap_or_default()));
        check_play(&folder, playbooks, spec.as_ref(), &name, ansible_playbook, &mut findings).await;
    }
    check_as_a_whole(playbooks, &spec_path, &name, &mut findings);
    if !folder.join("README.md").is_file() {
        findings.warning(&folder.join("README.md"), "is missing; it tells people what the action does and does not do");
    }
    if playbook.is_file() {
        check_syntax(&playbook, playbooks, ansible_playbook, &mut findings).await;
    } else {
        findings.error(&playbook, "is missing; an action is action.yml with playbook.yml beside it");
    }
    findings.list
}

#[derive(Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// What keeps the action from being used, as one text.
    pub(super) fn errors(&self) -> Option<String> {
        let errors = self.list.iter().filter(|finding| finding.severity == Severity::Error);
        let told: Vec<String> = errors.map(|finding| format!("{}: {}", finding.place, finding.text)).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    fn add(&mut self, severity: Severity, code: ErrorCode, place: String, text: impl Into<String>) {
        self.list.push(Finding { severity, code, place, text: text.into() });
    }

    fn error(&mut self, place: &Path, text: impl Into<String>) {
        self.add(Severity::Error, ErrorCode::ActionInvalid, place.display().to_string(), text);
    }

    fn warning(&mut self, place: &Path, text: impl Into<String>) {
        self.add(Severity::Warning, ErrorCode::ActionInvalid, place.display().to_string(), text);
    }
}

/// The form of an action.yml first, all of it; what stands in the fields where the form is right.
pub(super) fn of_spec(text: &str, path: &Path, playbooks: &Path, name: &str, findings: &mut Findings) -> Option<ActionSpec> {
    format::check(text, path, findings)?;
    let spec = match ActionSpec::from_yaml(text) {
        Ok(spec) => spec,
        Err(error) => {
            // The form has said it, with its place.
            if findings.list.is_empty() {
                findings.error(path, error.to_string());
            }
            return None;
        }
    };
    check_fields(&spec, path, playbooks, name, findings);
    Some(spec)
}

/// What a check of the play needs of an action whose form is wrong.
fn as_far_as_it_can_be_read(text: &str) -> Option<ActionSpec> {
    let value = serde_norway::from_str::<Value>(text).unwrap_or_default();
    serde_json::from_value(format::as_far_as_it_can_be_read(&value)).ok()
}

fn check_fields(spec: &ActionSpec, path: &Path, playbooks: &Path, name: &str, findings: &mut Findings) {
    if spec.name != name {
        findings.error(path, format!("`name` is `{}`, but the folder is `{name}`; make them the same", spec.name));
    }
    if spec.target.is_none() && spec.agent_type == INFRASTRUCTURE.name {
        findings.warning(path, "`target` is missing, so the play is limited to localhost");
    }
    if spec.undo.is_none() && spec.irreversible.is_none() && spec.risk > chiffon_protocol::action::Risk::Low {
        findings.warning(path, "neither `undo` nor `irreversible` is given; say how it is taken back, or why it can't be");
    }
    if let Some(undo) = &spec.undo
        && !playbooks.join(&undo.action).join("action.yml").is_file()
    {
        findings.error(path, format!("`undo.action` names `{}`, which is not among the actions in {}", undo.action, playbooks.display()));
    }
    for required in spec.required_parameters() {
        if !spec.parameter_schemas().any(|(parameter, _)| parameter == required) {
            findings.error(path, format!("`parameters.required` names `{required}`, which is not among `parameters.properties`"));
        }
    }
    check_schemas(spec, path, playbooks, findings);
}

/// Schemas must compile, references must lead somewhere, and defaults must fit their own schema.
fn check_schemas(spec: &ActionSpec, path: &Path, playbooks: &Path, findings: &mut Findings) {
    let types = match SharedTypes::load(playbooks) {
        Ok(types) => types,
        Err(error) => {
            findings.error(&playbooks.join("types.json"), error);
            return;
        }
    };
    let parameters = spec.parameter_schemas().map(|(name, schema)| (format!("parameters.properties.{name}"), schema));
    let outputs = spec.outputs.properties.iter().map(|(name, schema)| (format!("outputs.properties.{name}"), schema));
    for (name, schema) in spec.parameter_schemas() {
        check_secret(name, schema, path, findings);
    }
    for (place, schema) in parameters.chain(outputs) {
        let place = format!("{}: {place}", path.display());
        let mut invalid = |text: String| findings.add(Severity::Error, ErrorCode::ActionInvalid, place.clone(), text);
        let inlined = match types.inlined(schema) {
            Ok(inlined) => inlined,
            Err(text) => {
                invalid(text);
                continue;
            }
        };
        match jsonschema::validator_for(&inlined) {
            Ok(validator) => {
                // A secret in plain words is an error by itself, and is not repeated.
                let default = inlined.get("default").filter(|default| !(is_secret(&inlined) && has_plain_secret(default)));
                for error in default.into_iter().flat_map(|default| validator.iter_errors(default)) {
                    invalid(format!("the default does not fit: {error}"));
                }
            }
            Err(error) => invalid(format!("not a JSON Schema: {error}")),
        }
    }
}

/// Whatever else keeps the catalogue from offering it.
fn check_as_a_whole(playbooks: &Path, path: &Path, name: &str, findings: &mut Findings) {
    let Ok(types) = SharedTypes::load(playbooks) else { return };
    if path.is_file()
        && findings.list.iter().all(|finding| finding.severity != Severity::Error)
        && let Err(problem) = Action::load(playbooks, name, &types, &Installed::default())
    {
        findings.error(path, problem.message);
    }
}

/// A secret stands only where the action says so.
fn check_secret(name: &str, schema: &Value, path: &Path, findings: &mut Findings) {
    if schema.get("secret").is_some_and(|secret| !secret.is_boolean()) {
        findings.error(path, format!("`secret` of the parameter `{name}` is neither true nor false"));
    }
    let refers = schema.get("default").is_some_and(|default| !references(default).is_empty());
    if refers && !is_secret(schema) {
        findings.error(path, format!("the default of `{name}` is a secret, but the parameter does not say so; add `secret: true`"));
    }
    if is_secret(schema) && schema.get("default").is_some_and(has_plain_secret) {
        findings
            .error(path, format!("the default of `{name}` is a secret in plain words; write `secret://NAME` for one of `secrets.toml`"));
    }
}

/// What the play must not do, and the roles and files that it names and has not.
pub(super) fn of_play(covered: &Covered, playbooks: &Path, spec: &ActionSpec) -> Vec<Found> {
    let mut found = play_scan::scan(covered, spec);
    found.extend(needs::missing_files(covered, playbooks, &spec.name));
    found
}

/// What the agent would refuse it for, content that no hash can cover, and modules that Ansible has not.
async fn check_play(
    folder: &Path,
    playbooks: &Path,
    spec: Option<&ActionSpec>,
    name: &str,
    ansible_playbook: &Path,
    findings: &mut Findings,
) {
    let covered = match Covered::read(playbooks, name) {
        Ok(covered) => covered,
        Err(text) => return findings.error(folder, text),
    };
    // What all actions share is looked at once, where it lies; a plan names what it uses of it.
    let own_code: Vec<String> = own_code::of(&covered, name).into_iter().filter(|path| !path.starts_with("plugins/")).collect();
    if !own_code.is_empty() {
        let text = format!("runs code of its own on the agent's machine or the hosts, in previews, too: {}", own_code.join(", "));
        findings.warning(folder, text);
    }
    let mut found = spec.map(|spec| of_play(&covered, playbooks, spec)).unwrap_or_default();
    found.extend(needs::missing_modules(&covered, playbooks, name, ansible_playbook).await);
    for found in found {
        let place = format!("{}:{}", playbooks.join(&found.path).display(), found.line);
        findings.add(Severity::Error, ErrorCode::ActionInvalid, place, found.text);
    }
}

/// The target's parameter, whatever it is called, with this machine as its value: a list where its schema wants one.
fn target_variable(playbook: &Path) -> String {
    let text = read_regular(&playbook.with_file_name("action.yml"), LONGEST_FILE_BYTES).unwrap_or_default();
    let Some((spec, target)) = ActionSpec::from_yaml(&text).ok().and_then(|spec| spec.target.clone().map(|target| (spec, target))) else {
        return serde_json::json!({"host": "localhost"}).to_string();
    };
    let schema = spec.parameter_schemas().find(|(name, _)| *name == target.parameter).map(|(_, schema)| schema);
    let is_list = schema.and_then(|schema| schema.get("type")).is_some_and(|kind| kind == "array");
    let value = if is_list { serde_json::json!(["localhost"]) } else { serde_json::json!("localhost") };
    Value::Object([(target.parameter, value)].into_iter().collect()).to_string()
}

async fn check_syntax(playbook: &Path, playbooks: &Path, ansible_playbook: &Path, findings: &mut Findings) {
    let mut command = tokio::process::Command::new(ansible_playbook);
    command
        .args(["-i", "localhost,", "-e"])
        .arg(target_variable(playbook))
        .arg("--syntax-check")
        .arg(playbook)
        .envs(environment(playbooks));
    let output = bounded::output(command.stdin(Stdio::null()), LONGEST_OUTPUT_BYTES).await;
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            findings.add(Severity::Error, ErrorCode::PlaybookSyntax, playbook.display().to_string(), text);
        }
        Err(error) => {
            let problem = super::inventory::not_found(ansible_playbook, &error);
            findings.add(Severity::Error, problem.code, playbook.display().to_string(), problem.message);
        }
    }
}

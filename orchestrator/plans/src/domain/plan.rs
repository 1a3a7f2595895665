//! The plan document: what is previewed, hashed, approved and run. Pure data; how it is made stands in `assemble`.
//!
//! Its hash covers the canonical JSON of the whole document: request, revision, steps with the content hash of each
//! action, effective parameters, resolved hosts, and the policy's outcome (RELIABILITY 17).

use std::collections::BTreeMap;

use chiffon_protocol::action::{CheckSupport, Repeatable, Risk, Undo};
use chiffon_protocol::canonical;
use chiffon_protocol::message::Resources;
use chiffon_protocol::money::MicroDollars;
use chiffon_protocol::tool::{AgentTool, Tool};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::asks::{OnFailure, Retry};
use super::{steps_hash, written};

/// When a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Read-only, before approval; its outputs are frozen into the plan.
    Discover,
    /// After approval.
    Apply,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique within the plan: lower-case letters, digits, `_` and `-`.
    pub step_id: String,
    /// What it does, with its host: "Deploy Kuma to nas".
    pub title: String,
    /// What it calls, with the content that was planned.
    #[serde(flatten, with = "written")]
    pub tool: Tool,
    /// Effective parameters, defaults filled in. Text values may hold `${steps.<id>.outputs.<name>}`.
    pub parameters: Map<String, Value>,
    /// What it may touch: canonical names, sorted.
    pub hosts: Vec<String>,
    /// Steps that must be completed first, sorted.
    pub depends_on: Vec<String>,
    /// What it needs while it runs.
    pub resources_required: Resources,
    /// How much harm it can do.
    pub risk: Risk,
    /// Whether it may be repeated.
    pub repeatable: Repeatable,
    /// How well it can be previewed.
    pub check: CheckSupport,
    /// The longest it may run.
    pub timeout_seconds: u64,
    /// When it runs.
    pub phase: Phase,
    /// Applied intent to record in the audit repository: path template to value template.
    #[serde(default)]
    pub records: BTreeMap<String, Value>,
    /// How to take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// Why it can't be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub irreversible: Option<String>,
    /// The outputs of a discovery, frozen before the plan was hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_outputs: Option<Map<String, Value>>,
    /// Parameters that were filled from frozen outputs, as they stood before: parameter to the value with its references.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub frozen_references: BTreeMap<String, Value>,
    /// What the agent runs it with, each with its version; the tool's hash binds it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runs_with: BTreeMap<String, String>,
    /// Plugins and modules that the action brings along, which run in previews, too; the tool's hash binds them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_code: Vec<String>,
    /// Whether it runs: a reference to an output of a step that it depends on; not, where that is false, null, 0 or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What becomes of the steps after it where it fails; nothing: they are skipped, and the run fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// How it is tried again where it fails; nothing: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

impl Step {
    /// Whether its run has to be asked anything about it.
    pub fn asks(&self) -> bool {
        self.when.is_some() || self.on_failure.is_some() || self.retry.is_some()
    }

    /// The action that it calls, of any agent of its kind; `None` where it calls another tool.
    pub fn agent_tool(&self) -> Option<AgentTool<'_>> {
        written::action(&self.tool)
    }

    /// The action's name in the catalogue; the address of a tool that is no action.
    pub fn action(&self) -> &str {
        self.agent_tool().map_or(self.tool.uri.as_str(), |agent| agent.action)
    }
}

/// What the policy asks for this plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyOutcome {
    /// Distinct approvers needed; 0 runs at once.
    pub approvals_needed: u32,
    /// Whether the requester may be one of them.
    pub self_approval: bool,
    /// Why, for people.
    pub reasons: Vec<String>,
}

/// Who made a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedBy {
    /// The provider's name in the configuration, or `offline`.
    pub provider: String,
    /// The model, where there is one.
    pub model: Option<String>,
}

/// A plan. What its hash covers is exactly this document, as it is [written](super::written).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct PlanDocument {
    /// How it is written.
    #[serde(default = "written::first", deserialize_with = "written::known", skip_serializing_if = "written::is_first")]
    pub format: u32,
    /// The request.
    pub request_id: Uuid,
    /// From 1.
    pub revision: i32,
    /// For people.
    pub summary: String,
    /// In an order in which they could run.
    pub steps: Vec<Step>,
    /// What the policy asks for.
    pub policy: PolicyOutcome,
    /// Who made it.
    pub planned_by: PlannedBy,
    /// What the planner wants a person to know: assumptions, words it did not use.
    #[serde(default)]
    pub notes: Vec<String>,
    /// From the actions' history, or their documentation.
    pub estimated_seconds: f64,
    /// Of running it.
    pub estimated_cost_usd: MicroDollars,
}

impl Serialize for PlanDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.format != written::FIRST {
            return Self::serialize(self, serializer);
        }
        let mut document = Self::serialize(self, serde_json::value::Serializer).map_err(S::Error::custom)?;
        let steps = document.get_mut("steps").and_then(Value::as_array_mut).into_iter().flatten();
        for step in steps.filter_map(Value::as_object_mut) {
            step.remove("tool");
        }
        document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PlanDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Self::deserialize(deserializer)?;
        let unwritable = document.steps.iter().find(|step| document.format == written::FIRST && step.agent_tool().is_none());
        if let Some(step) = unwritable {
            return Err(D::Error::custom(format!("a plan of format {} has the tool {}", written::FIRST, step.tool.uri)));
        }
        match document.steps.iter().find(|step| document.format == written::FIRST && step.asks()) {
            Some(step) => Err(D::Error::custom(format!(
                "a plan of format {} has `when`, `on_failure` or `retry` at step `{}`, which come with format 2",
                written::FIRST,
                step.step_id
            ))),
            None => Ok(document),
        }
    }
}

impl PlanDocument {
    /// SHA-256 of the canonical JSON, 64 hex digits.
    pub fn sha256(&self) -> String {
        canonical::sha256_hex(self)
    }

    /// SHA-256 of its [steps alone](super::steps_hash), 64 hex digits: the same for every plan that would run the same.
    pub fn steps_sha256(&self) -> String {
        steps_hash::of(&self.steps)
    }

    /// The highest risk of its steps.
    pub fn risk(&self) -> Risk {
        self.steps.iter().map(|step| step.risk).max().unwrap_or(Risk::ReadOnly)
    }

    /// The step with this id.
    pub fn step(&self, step_id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.step_id == step_id)
    }

    /// The steps as they were drafted: frozen values are references again.
    pub fn as_drafted(&self) -> Vec<DraftStep> {
        let drafted = self.steps.iter().map(|step| {
            let mut parameters = step.parameters.clone();
            parameters.extend(step.frozen_references.clone());
            DraftStep {
                step_id: step.step_id.clone(),
                title: step.title.clone(),
                action: step.action().to_owned(),
                parameters,
                depends_on: step.depends_on.clone(),
            }
        });
        drafted.collect()
    }

    /// The steps that run before approval and have not run yet.
    pub fn open_discoveries(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.phase == Phase::Discover && step.frozen_outputs.is_none())
    }
}

/// A step as a planner proposes it, before it is checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftStep {
    /// Unique within the plan: lower-case letters, digits, `_` and `-`.
    pub step_id: String,
    /// What it does, with its host: "Deploy Kuma to nas".
    pub title: String,
    /// A name of the catalogue.
    pub action: String,
    /// Parameters by the action's schema; text values may be `${steps.<step_id>.outputs.<name>}`.
    pub parameters: Map<String, Value>,
    /// Steps that must be completed first.
    #[serde(default)]
    pub depends_on: Vec<String>,
}

/// A plan as a planner proposes it, before it is checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// One sentence for people.
    pub summary: String,
    /// The steps.
    pub steps: Vec<DraftStep>,
    /// What a person should know: assumptions, words that were not used.
    #[serde(default)]
    pub notes: Vec<String>,
}

//! The hash of a plan's steps alone: the same for every request whose plan would run the same, whatever was found out before it runs. A
//! standing approval is bound to it; a plan's own hash names its request, and never comes again.

use std::collections::BTreeMap;

use chiffon_protocol::action::{CheckSupport, Repeatable, Risk, Undo};
use chiffon_protocol::canonical;
use chiffon_protocol::message::Resources;
use chiffon_protocol::tool::Tool;
use serde::Serialize;
use serde_json::{Map, Value};

use super::asks::{OnFailure, Retry};
use super::plan::{Phase, Step};

/// What of a step decides what is run. A field that is added here is left out where it has its default, so that the hashes that people
/// stand for stay what they are.
#[derive(Serialize)]
struct Deciding<'s> {
    step_id: &'s str,
    tool: &'s Tool,
    parameters: Map<String, Value>,
    hosts: &'s [String],
    depends_on: &'s [String],
    resources_required: &'s Resources,
    risk: Risk,
    repeatable: Repeatable,
    check: CheckSupport,
    timeout_seconds: u64,
    phase: Phase,
    records: &'s BTreeMap<String, Value>,
    undo: Option<&'s Undo>,
    irreversible: Option<&'s str>,
    runs_with: &'s BTreeMap<String, String>,
    own_code: &'s [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_failure: Option<OnFailure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<&'s Retry>,
}

/// SHA-256 of the canonical JSON of the steps, in their order, 64 hex digits.
pub(super) fn of(steps: &[Step]) -> String {
    let steps: Vec<Deciding<'_>> = steps.iter().map(deciding).collect();
    canonical::sha256_hex(&BTreeMap::from([("steps", steps)]))
}

/// Each field of a step is named, so that one that is added is decided about here. A title says what is done to people only; what a discovery
/// found stands for itself in each plan, and here its references stand.
fn deciding(step: &Step) -> Deciding<'_> {
    let Step {
        step_id,
        title: _,
        tool,
        parameters,
        hosts,
        depends_on,
        resources_required,
        risk,
        repeatable,
        check,
        timeout_seconds,
        phase,
        records,
        undo,
        irreversible,
        frozen_outputs: _,
        frozen_references,
        runs_with,
        own_code,
        when,
        on_failure,
        retry,
    } = step;
    let mut parameters = parameters.clone();
    parameters.extend(frozen_references.clone());
    Deciding {
        step_id,
        tool,
        parameters,
        hosts,
        depends_on,
        resources_required,
        risk: *risk,
        repeatable: *repeatable,
        check: *check,
        timeout_seconds: *timeout_seconds,
        phase: *phase,
        records,
        undo: undo.as_ref(),
        irreversible: irreversible.as_deref(),
        runs_with,
        own_code,
        when: when.as_deref(),
        on_failure: *on_failure,
        retry: retry.as_ref(),
    }
}

//! Whether the tools of a plan can be called here, and what its steps ask can be answered. Plans with others are read and kept; whoever
//! would run one is told what is missing.

use std::collections::BTreeSet;

use chiffon_protocol::kind::Kinds;
use chiffon_protocol::tool::{AGENT, AgentTool, ToolUri};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

use super::asks;
use super::plan::Step;

/// The first tool that nobody here serves, or what a step asks and nobody could answer.
pub fn check(kinds: &Kinds, steps: &[Step]) -> Result<(), Problem> {
    steps.iter().try_for_each(|step| of_step(kinds, step))?;
    asks::check(steps)
}

fn of_step(kinds: &Kinds, step: &Step) -> Result<(), Problem> {
    let uri = &step.tool.uri;
    let Some(AgentTool { kind, machine, .. }) = uri.agent() else {
        return Err(unknown_scheme(&step.step_id, uri));
    };
    if machine.is_some() {
        let message = format!("step `{}`: `{uri}` names a machine; an action runs where the hosts of its step are", step.step_id);
        return Err(Problem::new(ErrorCode::ToolInvalid, message).with_details(json!({"step_id": step.step_id, "tool": uri})));
    }
    // Work of a kind that is not known here is left to an orchestrator that knows it.
    let Some(kind) = kinds.get(&kind).filter(|kind| !kind.schemes.contains(&AGENT)) else { return Ok(()) };
    let others: BTreeSet<&str> = kinds.iter().filter(|kind| kind.schemes.contains(&AGENT)).map(|kind| kind.name.as_str()).collect();
    let having = others.iter().copied().collect::<Vec<_>>().join(", ");
    let message = format!("step `{}`: `{uri}`: agents of the kind {} have no actions; those of {having} have", step.step_id, kind.name);
    Err(Problem::new(ErrorCode::ToolSchemeUnknown, message).with_details(json!({"step_id": step.step_id, "tool": uri, "known": others})))
}

/// That nobody serves a tool's scheme, and which there are.
pub fn unknown_scheme(step_id: &str, uri: &ToolUri) -> Problem {
    let (scheme, known) = (uri.scheme(), [AGENT]);
    let message =
        format!("step `{step_id}`: nobody here serves tools of the scheme `{scheme}` (`{uri}`); plans may call {}", known.join(", "));
    Problem::new(ErrorCode::ToolSchemeUnknown, message).with_details(json!({"step_id": step_id, "tool": uri, "known": known}))
}

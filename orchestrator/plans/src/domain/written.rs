//! How plans are written down. Documents without a format are of the first, and stay as they were: who reads one and writes it again
//! gets the same bytes and the same hash.
//!
//! | format | a step names what it calls by |
//! |---|---|
//! | 1 | `agent_type`, `action`, `action_sha256` |
//! | 2 | `tool: {uri, sha256}`, and for an action beside it the three of format 1, which say the same |
//!
//! From format 2 on a step may have `when`, `on_failure` and `retry` ([`asks`](super::asks)); one without them is written without them. The
//! version before passes over them, but is never shown a task whose `when` is open: it skips what follows a failure, and tries nothing again.
//!
//! The three stand beside `tool` because an orchestrator of the version before reads them and passes over what it does not know: it
//! previews, approves and runs such a plan. Where it freezes one that has no hash yet, it writes it in format 1. A plan with a tool that is
//! no action has them not, and is bad data to it, which stops only that plan.

use chiffon_protocol::message::AgentType;
use chiffon_protocol::tool::{AgentTool, Tool, ToolUri};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// That of documents that name none.
pub const FIRST: u32 = 1;
/// That in which new plans are written.
pub const NEWEST: u32 = 2;

pub(super) fn first() -> u32 {
    FIRST
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `skip_serializing_if` passes a reference")]
pub(super) fn is_first(format: &u32) -> bool {
    *format == FIRST
}

/// A format that can be read here.
pub(super) fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let format = u32::deserialize(deserializer)?;
    if (FIRST..=NEWEST).contains(&format) {
        return Ok(format);
    }
    Err(D::Error::custom(format!(
        "the plan is of format {format}, and the formats {FIRST} to {NEWEST} are known here; a newer orchestrator wrote it"
    )))
}

/// What a step calls, as all formats write it.
#[derive(Serialize, Deserialize)]
struct Called {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool: Option<Tool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent_type: Option<AgentType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action_sha256: Option<String>,
}

/// The action of any agent of a kind that a tool is; `None` for every other tool.
pub(super) fn action(tool: &Tool) -> Option<AgentTool<'_>> {
    tool.uri.agent().filter(|agent| agent.machine.is_none())
}

pub(super) fn serialize<S: Serializer>(tool: &Tool, serializer: S) -> Result<S::Ok, S::Error> {
    let action = action(tool);
    let called = Called {
        tool: Some(tool.clone()),
        agent_type: action.as_ref().map(|action| action.kind.clone()),
        action: action.as_ref().map(|action| action.action.to_owned()),
        action_sha256: action.map(|_| tool.sha256.clone()),
    };
    called.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tool, D::Error> {
    let Called { tool, agent_type, action: name, action_sha256 } = Called::deserialize(deserializer)?;
    let missing = |field| D::Error::custom(format!("a step has neither `tool` nor `{field}`"));
    let Some(tool) = tool else {
        let kind = agent_type.ok_or_else(|| missing("agent_type"))?;
        let uri = ToolUri::of_action(&kind, &name.ok_or_else(|| missing("action"))?).map_err(D::Error::custom)?;
        return Ok(Tool { uri, sha256: action_sha256.ok_or_else(|| missing("action_sha256"))? });
    };
    let own = action(&tool);
    let is_same = agent_type.is_none_or(|kind| own.as_ref().is_some_and(|own| own.kind == kind))
        && name.is_none_or(|name| own.as_ref().is_some_and(|own| own.action == name))
        && action_sha256.is_none_or(|sha256| sha256 == tool.sha256);
    if is_same { Ok(tool) } else { Err(D::Error::custom(format!("a step calls {} and, beside it, something else", tool.uri))) }
}

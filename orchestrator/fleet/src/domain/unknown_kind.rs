//! Agents and work of a kind that this orchestrator does not know: a newer one may. They are stored and shown, and left alone.

use chiffon_protocol::kind::Kinds;
use chiffon_protocol::message::AgentType;

/// Why this orchestrator gives nothing to agents of this kind; `None` where it knows the kind.
pub fn refusal(kinds: &Kinds, kind: &AgentType) -> Option<String> {
    kinds.get(kind).is_none().then(|| format!("this orchestrator knows no agents of the kind {kind}, and gives them no work"))
}

/// What work of such a kind waits for.
pub fn wait(kinds: &Kinds, kind: &AgentType) -> String {
    let known = kinds.names();
    format!("it is for agents of the kind {kind}, and this orchestrator knows only {known}; one of a newer version may know it")
}

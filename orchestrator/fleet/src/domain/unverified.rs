//! Peers that know only the fixed fields of messages: they sign nothing, claim nothing and send no heartbeats (RELIABILITY 5).
//!
//! What can be known about them is configured, and what they report is only as good as the queue's password. So they are off by
//! default, each has a queue of its own, gets a task's first attempt only, and what it did is marked as unverified for ever.

use std::collections::BTreeMap;

use chiffon_protocol::action::CheckSupport;
use chiffon_protocol::kind::{Kind, Kinds};
use chiffon_protocol::message::{AgentHello, AnnouncedAction, Resources, WorkResult, WorkStatus};
use chiffon_protocol::{ActionSpec, canonical};
use uuid::Uuid;

/// What the ids of such agents begin with; in place of a key, too.
const PREFIX: &str = "unverified:";

/// What is said of work that such a peer reports as done.
pub const WARNING: &str = "the agent that reports this does not sign its messages: nobody has verified that it is true";

/// A peer that is admitted by configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    kind: Kind,
    queue: String,
    hostname: String,
    actions: Vec<ActionSpec>,
}

impl Peer {
    /// A peer behind the queue of one machine, with what it can do. `Err`: why it can't be admitted.
    pub fn new(kinds: &Kinds, queue: &str, actions: Vec<ActionSpec>) -> Result<Self, String> {
        let (kind, hostname) = kinds.of_one_machine(queue).ok_or_else(|| {
            let of_one = kinds.iter().filter(|kind| kind.reaches_own_host()).map(|kind| kind.queue("<hostname>"));
            let of_one: Vec<String> = of_one.collect();
            format!("`{queue}` is not the queue of one machine; such a peer needs one of its own: {}", of_one.join(" or "))
        })?;
        for action in &actions {
            let name = &action.name;
            if action.agent_type != kind.name {
                return Err(format!("the action {name} of {queue} is not for agents of that kind; set `agent_type: {}`", kind.name));
            }
            if action.check != CheckSupport::None {
                // It does not know `mode`: what is meant as a dry run it would do.
                return Err(format!("the action {name} of {queue} can't be previewed by a peer that does not know how; set `check: none`"));
            }
        }
        Ok(Self { kind: kind.clone(), queue: queue.to_owned(), hostname: hostname.to_owned(), actions })
    }

    /// Its kind.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The queue it takes its work from.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The machine it runs on.
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    /// The id under which the records know it.
    pub fn agent_id(&self) -> String {
        format!("{PREFIX}{}", self.queue)
    }

    /// What it would say of itself if it could.
    pub fn hello(&self) -> AgentHello {
        let announced = |spec: &ActionSpec| AnnouncedAction { sha256: canonical::sha256_hex(spec), spec: spec.clone() };
        AgentHello {
            agent_id: self.agent_id(),
            agent_type: self.kind.name.clone(),
            hostname: self.hostname.clone(),
            incarnation: 1,
            version: String::new(),
            protocol: Vec::new(),
            journal_id: Uuid::nil(),
            labels: BTreeMap::from([("verified".to_owned(), "false".to_owned())]),
            resources: Resources::default(),
            hosts: BTreeMap::from([("all".to_owned(), vec![self.hostname.clone()])]),
            actions: self.actions.iter().map(announced).collect(),
            not_offered: Vec::new(),
            unfinished: Vec::new(),
            problems: Vec::new(),
        }
    }
}

/// Whether an agent's id is that of such a peer.
pub fn is_one(agent_id: &str) -> bool {
    agent_id.starts_with(PREFIX)
}

/// What counts of a result without a signature: the fixed fields. Nobody proves by it that nothing was started. Each field is named, so
/// that one that is added later has to be decided about.
pub fn fixed_result(result: WorkResult) -> WorkResult {
    let WorkResult { task_id, status, output, duration_seconds, resource_usage, attempt, .. } = result;
    WorkResult {
        task_id,
        status,
        output,
        duration_seconds,
        resource_usage,
        attempt,
        agent_id: String::new(),
        exit_code: None,
        changed: false,
        hosts: Vec::new(),
        outputs: serde_json::Map::new(),
        last_seq: 0,
        error: None,
        outcome: None,
        warnings: vec![WARNING.to_owned()],
        preview: None,
        variables: None,
        started_at: None,
        events: Vec::new(),
    }
}

/// What counts of a status without a signature: the fixed fields, each of them named as well.
pub fn fixed_status(status: WorkStatus) -> WorkStatus {
    let WorkStatus { task_id, status, progress, message, metrics, attempt, .. } = status;
    WorkStatus { task_id, status, progress, message, metrics, attempt, agent_id: String::new(), events: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTION: &str = "name: set_clock\ntitle: Set the clock\ndescription: Sets the clock.\nagent_type: desktop\n\
        target: {parameter: host}\nparameters:\n  type: object\n  required: [host]\n  properties:\n    host: {type: string, format: inventory-host}\n\
        risk: low\nrepeatable: \"yes\"\ncheck: none\ntimeout_seconds: 60\n";

    fn action(text: &str) -> ActionSpec {
        ActionSpec::from_yaml(text).expect("the action reads")
    }

    #[test]
    fn of_a_result_without_a_signature_only_the_fixed_fields_count() {
        let fixed = serde_json::json!({
            "task_id": Uuid::from_u128(1), "status": "completed", "output": "did it", "duration_seconds": 1.5,
            "resource_usage": {"cpu_hours": 0.5, "memory_peak_gb": 1.0}, "attempt": 1,
        });
        let mut more = fixed.clone();
        more["started_at"] = "2026-01-01T00:00:00Z".into();
        more["last_seq"] = 1.into();
        more["events"] =
            serde_json::json!([{"seq": 1, "at": "2026-01-01T00:00:00Z", "kind": "output", "text": "said by whoever has the password"}]);
        let read = |value: serde_json::Value| fixed_result(serde_json::from_value(value).expect("a result"));
        assert_eq!(read(more.clone()), read(fixed));
        assert!(read(more).events.is_empty());
    }

    #[test]
    fn a_peer_has_a_queue_of_its_own_and_never_gets_a_dry_run() {
        let peer = Peer::new(&Kinds::default(), "agent.desktop.oldbox", vec![action(ACTION)]).expect("it can be admitted");
        assert_eq!((peer.hostname(), peer.agent_id().as_str()), ("oldbox", "unverified:agent.desktop.oldbox"));
        assert!(is_one(&peer.agent_id()) && !is_one("infra-1"));
        for queue in ["agent.infrastructure", "agent.desktop.", "orchestrator.results"] {
            assert!(Peer::new(&Kinds::default(), queue, Vec::new()).is_err(), "{queue}");
        }
        let checked = action(&ACTION.replace("check: none", "check: full"));
        assert!(Peer::new(&Kinds::default(), "agent.desktop.oldbox", vec![checked]).is_err());
        let shared = action(&ACTION.replace("agent_type: desktop", "agent_type: infrastructure"));
        assert!(Peer::new(&Kinds::default(), "agent.desktop.oldbox", vec![shared]).is_err());
    }
}

//! The key of what a task waits for. Tasks with one key wait for one and the same thing: while the first of them can't go, none of
//! the others can, so nobody looks at those.
//!
//! A key holds all of a task that [`super::placement`] had looked at when it came to this reason, and nothing more.

use chiffon_protocol::canonical;
use chiffon_protocol::message::AgentType;
use serde_json::json;

use super::placement::Wanted;

/// Longer ones stand for themselves by their hash: an index takes no text of any length.
const LONGEST: usize = 200;

/// The key of what the dispatcher has still to look at.
pub const LOOK: &str = "look";

/// How far a task came before something was missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// No agent of its kind is connected.
    Kind,
    /// None of these reaches its hosts.
    Hosts,
    /// None of these has its action.
    Action,
    /// All of these have declined it, or may not have it.
    Willing,
    /// None of these takes work.
    Taking,
    /// None of these has the room.
    Room,
}

impl Stage {
    /// What a task waits for that came so far.
    pub fn key(self, wanted: &Wanted) -> String {
        let kind = wanted.agent_type.as_str();
        let hosts = &wanted.hosts;
        let action = (&wanted.action, &wanted.action_sha256);
        let but = (&wanted.excluded, wanted.only_verified);
        let (word, particulars) = match self {
            Self::Kind => return format!("agent:{kind}"),
            Self::Hosts => ("reach", json!([kind, hosts])),
            Self::Action => ("action", json!([kind, hosts, action])),
            Self::Willing => ("willing", json!([kind, hosts, action, but])),
            Self::Taking => ("taking", json!([kind, hosts, action, but, wanted.resources.gpu])),
            Self::Room => ("room", json!([kind, hosts, action, but, wanted.exclusive, wanted.resources])),
        };
        let text = particulars.to_string();
        if text.len() <= LONGEST { format!("{word}:{text}") } else { format!("{word}:{}", canonical::sha256_hex(&particulars)) }
    }
}

/// Waits until an orchestrator looks at it that knows its kind of agents.
pub fn kind(kind: &AgentType) -> String {
    format!("kind:{kind}")
}

/// Whether tasks for several kinds of agents wait for the same thing by this key.
pub fn is_of_several_kinds(key: &str) -> bool {
    key.starts_with("host:") || key.starts_with("kept:")
}

/// Waits until nobody changes a host any more.
pub fn host(host: &str) -> String {
    format!("host:{host}")
}

/// Waits until a person gives a host back.
pub fn kept(host: &str) -> String {
    format!("kept:{host}")
}

#[cfg(test)]
mod tests {
    use chiffon_protocol::kind::INFRASTRUCTURE;
    use chiffon_protocol::message::Resources;

    use super::*;

    fn wanted(host: &str, memory_gb: f64) -> Wanted {
        Wanted {
            agent_type: INFRASTRUCTURE.name.clone(),
            action: "deploy_kuma".to_owned(),
            action_sha256: "aa".to_owned(),
            hosts: vec![host.to_owned()],
            exclusive: true,
            resources: Resources { memory_gb, ..Resources::default() },
            excluded: std::collections::BTreeSet::new(),
            last_decline: String::new(),
            only_verified: false,
        }
    }

    #[test]
    fn who_waits_for_one_thing_has_one_key_however_much_else_differs() {
        assert_eq!(Stage::Kind.key(&wanted("nas", 1.0)), Stage::Kind.key(&wanted("web", 2.0)));
        assert_ne!(Stage::Hosts.key(&wanted("nas", 1.0)), Stage::Hosts.key(&wanted("web", 1.0)));
        assert_eq!(Stage::Taking.key(&wanted("nas", 1.0)), Stage::Taking.key(&wanted("nas", 2.0)));
        assert_ne!(Stage::Room.key(&wanted("nas", 1.0)), Stage::Room.key(&wanted("nas", 2.0)));
    }

    #[test]
    fn a_key_of_many_hosts_is_short_and_still_its_own() {
        let many =
            |last: &str| Wanted { hosts: (0..500).map(|n| format!("host-{n}")).chain([last.to_owned()]).collect(), ..wanted("", 1.0) };
        let key = Stage::Hosts.key(&many("a"));
        assert!(key.len() < 100 && key.starts_with("reach:"), "{key}");
        assert_ne!(key, Stage::Hosts.key(&many("b")));
    }
}

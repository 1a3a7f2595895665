//! Kinds of agents, as data: each has a row in a table, and whoever wants to know something of a kind asks the table.
//!
//! A program need not know every kind whose name it reads: names are checked for their form only, so that work and agents of a newer
//! kind can be read, stored and left alone by a program whose table lacks it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The form of a kind's name, as a regular expression.
pub const NAME_PATTERN: &str = "^[a-z][a-z0-9_-]{0,39}$";
/// The longest name.
const LONGEST: usize = 40;
/// `agent.control.<id>.<n>` is the control queue of one start of an agent.
const RESERVED: &str = "control";
/// What the names of all agents' queues begin with.
const QUEUE_PREFIX: &str = "agent.";

/// The name of a kind of agents: lower-case letters, digits, `_` and `-`, a letter first. Any name of this form is one, whether or not
/// somebody knows the kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentType(Cow<'static, str>);

/// Why a text is no kind's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` can't be the name of a kind of agents: lower-case letters, digits, `_` and `-`, a letter first, at most {LONGEST}, and not `{RESERVED}`"
)]
pub struct NotAKind(String);

impl AgentType {
    /// The word on the wire and in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AgentType {
    type Error = NotAKind;

    fn try_from(name: String) -> Result<Self, NotAKind> {
        let is_in = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_' || letter == b'-';
        let well_formed = name.len() <= LONGEST && name.starts_with(|letter: char| letter.is_ascii_lowercase()) && name.bytes().all(is_in);
        if well_formed && name != RESERVED { Ok(Self(Cow::Owned(name))) } else { Err(NotAKind(name.escape_default().to_string())) }
    }
}

impl FromStr for AgentType {
    type Err = NotAKind;

    fn from_str(name: &str) -> Result<Self, NotAKind> {
        Self::try_from(name.to_owned())
    }
}

impl From<AgentType> for String {
    fn from(name: AgentType) -> Self {
        name.0.into_owned()
    }
}

impl fmt::Display for AgentType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl JsonSchema for AgentType {
    fn schema_name() -> Cow<'static, str> {
        "AgentType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": NAME_PATTERN, "description": "The name of a kind of agents."})
    }
}

/// From which queues a kind takes its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queues {
    /// One for all of them: any agent of the kind takes what lies there.
    Shared,
    /// One for each machine: its agent works on the machine itself.
    PerHost,
}

/// A kind of agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: AgentType,
    /// What it does, for people.
    pub about: &'static str,
    /// From which queues it takes its work.
    pub queues: Queues,
    /// How many attempts one agent runs at once unless it is told otherwise.
    pub at_once: usize,
    /// The schemes of the tools that it serves.
    pub schemes: &'static [&'static str],
}

/// Runs Ansible.
pub static INFRASTRUCTURE: Kind = Kind {
    name: AgentType(Cow::Borrowed("infrastructure")),
    about: "Runs Ansible on the hosts of an inventory",
    queues: Queues::Shared,
    at_once: 4,
    schemes: &["agent"],
};

/// Reports a machine.
pub static DESKTOP: Kind = Kind {
    name: AgentType(Cow::Borrowed("desktop")),
    about: "Reports this machine, and works on it",
    queues: Queues::PerHost,
    at_once: 4,
    schemes: &["agent"],
};

impl Kind {
    /// The queue from which the agent on this machine takes its work.
    pub fn queue(&self, hostname: &str) -> String {
        match self.queues {
            Queues::Shared => format!("{QUEUE_PREFIX}{}", self.name),
            Queues::PerHost => format!("{QUEUE_PREFIX}{}.{hostname}", self.name),
        }
    }

    /// Whether its agents reach the machine that they run on, whatever they announce beside.
    pub fn reaches_own_host(&self) -> bool {
        self.queues == Queues::PerHost
    }
}

/// The kinds that a program knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds(BTreeMap<AgentType, Kind>);

impl Default for Kinds {
    /// Those that come with Chiffon.
    fn default() -> Self {
        [&INFRASTRUCTURE, &DESKTOP].into_iter().cloned().collect()
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        Self(kinds.into_iter().map(|kind| (kind.name.clone(), kind)).collect())
    }
}

impl Kinds {
    /// The kind of this name, where it is known.
    pub fn get(&self, name: &AgentType) -> Option<&Kind> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.0.values()
    }

    /// Their names, for people: "desktop, infrastructure".
    pub fn names(&self) -> String {
        self.0.keys().map(AgentType::as_str).collect::<Vec<_>>().join(", ")
    }

    /// The commands that start an agent which every host's work may go to, for people.
    pub fn commands(&self) -> String {
        let shared = self.iter().filter(|kind| kind.queues == Queues::Shared);
        shared.map(|kind| format!("`chiffon agent {}`", kind.name)).collect::<Vec<_>>().join(" or ")
    }

    /// The kind that takes its work from a queue of one machine, and the machine; `None` for every other queue.
    pub fn of_one_machine<'q>(&self, queue: &'q str) -> Option<(&Kind, &'q str)> {
        let (name, hostname) = queue.strip_prefix(QUEUE_PREFIX)?.split_once('.')?;
        let kind = self.iter().find(|kind| kind.name.as_str() == name && kind.queues == Queues::PerHost)?;
        (!hostname.is_empty()).then_some((kind, hostname))
    }
}

/// Whether this is, by its name, a queue from which agents of some kind take work.
pub fn is_work_queue(queue: &str) -> bool {
    let kind = queue.strip_prefix(QUEUE_PREFIX).map(|rest| rest.split('.').next().unwrap_or_default());
    kind.is_some_and(|kind| kind.parse::<AgentType>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_well_formed_name_is_one_whoever_knows_the_kind() {
        for good in ["infrastructure", "desktop", "tools", "code-review", "gpu_2", "a"] {
            assert_eq!(good.parse::<AgentType>().as_ref().map(AgentType::as_str), Ok(good));
            assert_eq!(serde_json::to_string(&good.parse::<AgentType>().unwrap()).unwrap(), format!("\"{good}\""));
        }
        for bad in ["", "control", "Desktop", "2nd", "a.b", "a b", "a/b", "ä", "a\"", &"a".repeat(41)] {
            assert!(bad.parse::<AgentType>().is_err() && serde_json::from_value::<AgentType>(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_kind_has_its_queues() {
        assert_eq!(INFRASTRUCTURE.queue("den"), "agent.infrastructure");
        assert_eq!(DESKTOP.queue("den.lan"), "agent.desktop.den.lan");
        let kinds = Kinds::default();
        let machine = |queue| kinds.of_one_machine(queue).map(|(kind, hostname)| (kind.name.as_str(), hostname));
        assert_eq!(machine("agent.desktop.den.lan"), Some(("desktop", "den.lan")));
        for other in
            ["agent.infrastructure", "agent.infrastructure.den", "agent.desktop.", "agent.desktop", "agent.tools.den", "desktop.den"]
        {
            assert_eq!(machine(other), None, "{other}");
        }
        for queue in ["agent.infrastructure", "agent.desktop.den", "agent.tools", "agent.container.den"] {
            assert!(is_work_queue(queue), "{queue}");
        }
        for other in ["agent.control.infra-1.7", "orchestrator.results", "agent.", "agentx"] {
            assert!(!is_work_queue(other), "{other}");
        }
    }
}

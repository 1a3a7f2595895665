//! What something waits for: the one shape that is stored with requests and tasks, shown over HTTP and told in events. Whoever waits for
//! something new adds its word here.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

/// What is waited for, in one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Somebody who plans.
    Planner,
    /// An agent that is there, reaches the hosts and takes the work.
    Agent,
    /// An agent that has the action as it was planned.
    Action,
    /// A host that other work changes, or that is reserved.
    Host,
    /// Room on a machine.
    Resources,
    /// Another offer, because nobody has claimed the one before.
    Claim,
    /// A queue that takes the offer.
    Route,
    /// The time of the next try.
    Retry,
    /// An answer of a person.
    Answer,
    /// Approvers.
    Approval,
    /// A person who decides what becomes of what was cut off.
    Attention,
    /// A person who lets it go on.
    Resume,
    /// The end of what was told to stop.
    Cancel,
    /// What another version waits for: shown as it is, and nothing else is done with it.
    Other(String),
}

impl What {
    /// All that this version knows.
    const KNOWN: [Self; 13] = [
        Self::Planner,
        Self::Agent,
        Self::Action,
        Self::Host,
        Self::Resources,
        Self::Claim,
        Self::Route,
        Self::Retry,
        Self::Answer,
        Self::Approval,
        Self::Attention,
        Self::Resume,
        Self::Cancel,
    ];

    /// What goes by without a person, because agents, other work or time move it.
    pub const OF_WORK: [Self; 7] = [Self::Agent, Self::Action, Self::Host, Self::Resources, Self::Claim, Self::Route, Self::Retry];

    /// The word in the database and over HTTP.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Planner => "planner",
            Self::Agent => "agent",
            Self::Action => "action",
            Self::Host => "host",
            Self::Resources => "resources",
            Self::Claim => "claim",
            Self::Route => "route",
            Self::Retry => "retry",
            Self::Answer => "answer",
            Self::Approval => "approval",
            Self::Attention => "attention",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Other(word) => word,
        }
    }

    /// What this word stands for.
    pub fn from_word(word: String) -> Self {
        Self::KNOWN.into_iter().find(|known| known.as_str() == word).unwrap_or(Self::Other(word))
    }
}

impl Serialize for What {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for What {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_word(String::deserialize(deserializer)?))
    }
}

/// A reason to wait, before it is known since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// For what.
    pub what: What,
    /// The same for people.
    pub text: String,
}

impl Wait {
    /// Waits for this.
    pub fn new(what: What, text: impl Into<String>) -> Self {
        Self { what, text: text.into() }
    }

    /// Waits for it since then.
    pub fn since(self, since: DateTime<Utc>) -> WaitingFor {
        WaitingFor { what: self.what, since, text: self.text }
    }
}

/// What something waits for, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WaitingFor {
    /// One word: `planner | agent | action | host | resources | claim | route | retry | answer | approval | attention | resume | cancel`.
    #[schema(value_type = String)]
    pub what: What,
    /// Since when.
    #[serde(serialize_with = "in_microseconds")]
    pub since: DateTime<Utc>,
    /// For people.
    pub text: String,
}

impl WaitingFor {
    /// As it is stored: `{what, since, text}`.
    pub fn to_value(&self) -> Value {
        json!(self)
    }
}

/// One time has one text, so that what requests show and what their tasks wait for can be compared where they are stored.
fn in_microseconds<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_version_has_stored_is_read_and_written_as_it_was() {
        // As requests have it, and as tasks had it, whose times had no zeros at their ends.
        let of_request = json!({"what": "approval", "since": "2026-01-31T08:00:00.120000Z", "text": "one approver"});
        let read: WaitingFor = serde_json::from_value(of_request.clone()).expect("it is read");
        assert_eq!((&read.what, read.to_value()), (&What::Approval, of_request));
        let of_task = json!({"what": "host", "since": "2026-01-31T08:00:00.12Z", "text": "nas is being changed"});
        let read: WaitingFor = serde_json::from_value(of_task).expect("it is read");
        assert_eq!((read.what, read.since.timestamp_micros()), (What::Host, 1_769_846_400_120_000));
    }

    #[test]
    fn every_word_reads_back_and_that_of_another_version_stays_what_it_is() {
        for what in What::KNOWN {
            assert_eq!(What::from_word(what.as_str().to_owned()), what);
        }
        let newer = json!({"what": "window", "since": "2026-01-31T08:00:00.000000Z", "text": "a window"});
        let read: WaitingFor = serde_json::from_value(newer.clone()).expect("it is read");
        assert_eq!((&read.what, read.to_value()), (&What::Other("window".to_owned()), newer));
    }

    #[test]
    fn what_says_not_enough_is_not_read() {
        for less in [json!({"what": "agent", "text": "a"}), json!({"what": 1}), json!("agent"), json!({})] {
            assert!(serde_json::from_value::<WaitingFor>(less.clone()).is_err(), "{less}");
        }
    }
}

//! What a person wants of an agent, and what it has to be told so that it follows.
//!
//! The wish stands in Postgres and is told with each heartbeat until a heartbeat says that it was heard, so that a restart of
//! the agent or of the orchestrator changes nothing.

use chiffon_protocol::message::{Availability, Command, Heartbeat, Intake};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a person wants of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    /// That it works.
    Active,
    /// That it takes nothing more; what runs goes on.
    Paused,
    /// That it takes nothing more, finishes what runs, and ends.
    Drained,
}

impl Desired {
    /// The word in the database and over HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Drained => "drained",
        }
    }

    /// What this word means.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Drained].into_iter().find(|desired| desired.as_str() == word)
    }
}

/// A wish, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What is wanted.
    pub desired: Desired,
    /// Since when.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
    /// Whether the agent's newest start is the one that a drain is meant for. A later one takes no work and does not end again:
    /// whoever restarts it by itself would go on restarting it.
    pub is_for_this_start: bool,
}

impl Order {
    /// Why the agent takes no work, to be put behind its name; `None` when nothing is wanted of it but that it works.
    pub fn words(&self) -> Option<String> {
        let done = match self.desired {
            Desired::Active => return None,
            Desired::Paused => "is paused",
            Desired::Drained => "is drained",
        };
        let why = if self.reason.is_empty() { String::new() } else { format!(" ({})", self.reason) };
        Some(format!("{done} by {} since {}{why}", self.by, self.at.format("%Y-%m-%d %H:%M UTC")))
    }

    /// What an agent has to be told that last said this of itself; `None` when it has heard what is wanted.
    pub fn command(&self, said: &Heartbeat) -> Option<Command> {
        let follows = said.intake.unwrap_or(match said.availability {
            Availability::Paused => Intake::Paused,
            Availability::Available | Availability::Busy => Intake::Open,
        });
        match (self.desired, follows) {
            (_, Intake::Leaving)
            | (Desired::Active, Intake::Open)
            | (Desired::Paused, Intake::Paused)
            | (Desired::Drained, Intake::Draining) => None,
            (Desired::Drained, Intake::Paused) if !self.is_for_this_start || said.intake.is_none() => None,
            (Desired::Active, Intake::Paused | Intake::Draining) => Some(Command::Resume),
            (Desired::Drained, Intake::Open | Intake::Paused) if self.is_for_this_start => Some(Command::Drain),
            (Desired::Paused, Intake::Open | Intake::Draining) | (Desired::Drained, Intake::Open | Intake::Paused) => Some(Command::Pause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(desired: Desired, is_for_this_start: bool) -> Order {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        Order { desired, at, by: "ann".to_owned(), reason: "new disk".to_owned(), is_for_this_start }
    }

    fn says(intake: Intake) -> Heartbeat {
        Heartbeat { intake: Some(intake), ..Heartbeat::default() }
    }

    #[test]
    fn an_order_is_repeated_until_it_is_followed() {
        use Intake::{Draining, Leaving, Open, Paused};
        let told = |desired, intake| order(desired, true).command(&says(intake));
        for (desired, followed) in [(Desired::Active, Open), (Desired::Paused, Paused), (Desired::Drained, Draining)] {
            assert_eq!(told(desired, followed), None);
            assert_eq!(told(desired, Leaving), None, "who leaves can't be told anything");
        }
        assert_eq!([Paused, Draining].map(|intake| told(Desired::Active, intake)), [Some(Command::Resume); 2]);
        assert_eq!([Open, Draining].map(|intake| told(Desired::Paused, intake)), [Some(Command::Pause); 2]);
        assert_eq!([Open, Paused].map(|intake| told(Desired::Drained, intake)), [Some(Command::Drain); 2]);
    }

    #[test]
    fn a_later_start_of_a_drained_agent_is_paused_and_does_not_end() {
        let told = |intake| order(Desired::Drained, false).command(&says(intake));
        assert_eq!((told(Intake::Open), told(Intake::Paused)), (Some(Command::Pause), None));
    }

    #[test]
    fn an_agent_that_does_not_say_which_order_it_follows_is_judged_by_its_availability() {
        let told = |desired, availability| order(desired, true).command(&Heartbeat { availability, ..Heartbeat::default() });
        assert_eq!(told(Desired::Drained, Availability::Available), Some(Command::Drain));
        assert_eq!(told(Desired::Drained, Availability::Paused), None);
        assert_eq!(told(Desired::Paused, Availability::Busy), Some(Command::Pause));
    }

    #[test]
    fn the_words_name_who_and_since_when_and_why() {
        let words = order(Desired::Paused, true).words().unwrap();
        assert_eq!(words, "is paused by ann since 2023-11-14 22:13 UTC (new disk)");
        assert_eq!(order(Desired::Active, true).words(), None);
    }
}

//! `[notifications]`, as the configuration has it, looked at as a whole.

use std::time::Duration;

use serde::Deserialize;

use super::channel::{self, Channel, Medium};
use super::smtp::Smtp;

/// `[notifications]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Read")]
pub struct Notifications {
    /// The channels.
    pub channels: Vec<Channel>,
    /// The server for e-mail.
    pub smtp: Smtp,
    /// What waits for so long is told.
    pub waiting_after: Duration,
    /// An agent that was not heard for so long is told.
    pub agent_lost_after: Duration,
    /// What counts no more after so long is told; and once more a day before.
    pub expiring_within: Duration,
}

impl Default for Notifications {
    fn default() -> Self {
        let (waiting_after, agent_lost_after, expiring_within) = (waiting_after(), agent_lost_after(), expiring_within());
        Self { channels: Vec::new(), smtp: Smtp::default(), waiting_after, agent_lost_after, expiring_within }
    }
}

/// The same before it was looked at as a whole.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(deserialize_with = "channel::channels")]
    channels: Vec<Channel>,
    #[serde(default)]
    smtp: Smtp,
    #[serde(default = "waiting_after", with = "humantime_serde")]
    waiting_after: Duration,
    #[serde(default = "agent_lost_after", with = "humantime_serde")]
    agent_lost_after: Duration,
    #[serde(default = "expiring_within", with = "humantime_serde")]
    expiring_within: Duration,
}

impl TryFrom<Read> for Notifications {
    type Error = String;

    fn try_from(read: Read) -> Result<Self, String> {
        let Read { channels, smtp, waiting_after, agent_lost_after, expiring_within } = read;
        smtp.check()?;
        match channels.iter().find(|channel| channel.kind == Medium::Email) {
            Some(channel) if smtp.host.is_empty() => {
                Err(format!("the channel `{}` sends e-mail, and `notifications.smtp.host` names no server", channel.name))
            }
            _ => Ok(Self { channels, smtp, waiting_after, agent_lost_after, expiring_within }),
        }
    }
}

fn waiting_after() -> Duration {
    Duration::from_hours(1)
}

fn agent_lost_after() -> Duration {
    Duration::from_mins(5)
}

fn expiring_within() -> Duration {
    Duration::from_hours(7 * 24)
}

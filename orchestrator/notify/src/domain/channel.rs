//! The channels, as the configuration has them: where notifications go, for whom, and which.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use chiffon_protocol::action::Risk;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::kind::Kind;

/// How a channel is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NotificationMedium)]
pub enum Medium {
    /// A signed call of an address (Standard Webhooks).
    Webhook,
}

/// `[notifications]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notifications {
    /// The channels.
    #[serde(deserialize_with = "channels")]
    pub channels: Vec<Channel>,
    /// What waits for so long is told.
    #[serde(default = "waiting_after", with = "humantime_serde")]
    pub waiting_after: Duration,
    /// An agent that was not heard for so long is told.
    #[serde(default = "agent_lost_after", with = "humantime_serde")]
    pub agent_lost_after: Duration,
    /// What counts no more after so long is told; and once more a day before.
    #[serde(default = "expiring_within", with = "humantime_serde")]
    pub expiring_within: Duration,
}

impl Default for Notifications {
    fn default() -> Self {
        let (waiting_after, agent_lost_after, expiring_within) = (waiting_after(), agent_lost_after(), expiring_within());
        Self { channels: Vec::new(), waiting_after, agent_lost_after, expiring_within }
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

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// What records and messages call it.
    pub name: String,
    /// How it is spoken to.
    pub kind: Medium,
    /// Where.
    pub url: String,
    /// The environment variable that holds the secret.
    #[serde(default)]
    pub secret_env: Option<String>,
    /// The file that holds it.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The person whom it is for; without one, it is for several.
    #[serde(default)]
    pub person: Option<String>,
    /// What it tells.
    #[serde(default = "all")]
    pub notices: Vec<Kind>,
    /// What is about a plan of less risk is not told.
    #[serde(default)]
    pub least_risk: Option<Risk>,
}

fn all() -> Vec<Kind> {
    Kind::ALL.to_vec()
}

impl Channel {
    /// Whether it tells this. What has no plan has no risk, and is told.
    pub fn wants(&self, kind: Kind, risk: Option<Risk>) -> bool {
        self.notices.contains(&kind) && risk.zip(self.least_risk).is_none_or(|(risk, least)| risk >= least)
    }

    /// Its address as lists show it.
    pub fn shown_url(&self) -> String {
        let url = self.url.parse::<reqwest::Url>().ok();
        url.and_then(|url| Some(format!("{}://{}", url.scheme(), url.host_str()?))).unwrap_or_default()
    }

    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            return Err(format!("`{}` is no channel's name; use 1 to 64 of a-z, 0-9, - and _", name.escape_default()));
        }
        let url = self.url.parse::<reqwest::Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url else {
            return Err(format!("`url` of the channel `{name}` is no address such as https://hooks.lan/chiffon"));
        };
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(format!("`url` of the channel `{name}` holds a login or a `#`; name the secret with secret_file"));
        }
        match (&self.secret_env, &self.secret_file) {
            (Some(_), Some(_)) => Err(format!("the channel `{name}` has secret_env and secret_file; say one of them")),
            (None, None) => Err(format!("the channel `{name}` needs secret_file (or secret_env): what it says is signed with it")),
            _ => Ok(()),
        }
    }
}

fn channels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Channel>, D::Error> {
    let channels = Vec::<Channel>::deserialize(deserializer)?;
    let mut names = BTreeSet::new();
    for channel in &channels {
        channel.check().map_err(D::Error::custom)?;
        if !names.insert(channel.name.as_str()) {
            return Err(D::Error::custom(format!("two channels are called `{}`; give each a name of its own", channel.name)));
        }
    }
    Ok(channels)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_channel_that_can_not_be_meant_is_refused_in_words() {
        let good = json!({"name": "ops", "kind": "webhook", "url": "https://hooks.lan/x", "secret_env": "S"});
        let read = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut channel = good.clone();
            change(&mut channel);
            serde_json::from_value::<Notifications>(json!({"channels": [channel]})).map_err(|error| error.to_string())
        };
        let whole = read(&|_| {}).expect("it is good");
        assert!(whole.channels[0].wants(Kind::Failed, None) && whole.channels[0].shown_url() == "https://hooks.lan");
        for (key, value, words) in [
            ("name", json!("Ops!"), "no channel's name"),
            ("url", json!("hooks.lan"), "no address such as"),
            ("url", json!("https://me:pw@hooks.lan"), "holds a login"),
            ("secret_env", json!(null), "needs secret_file"),
            ("secret_file", json!("/a"), "say one of them"),
            ("colour", json!("red"), "unknown field"),
            ("notices", json!(["everything"]), "unknown variant"),
            ("least_risk", json!("huge"), "unknown variant"),
        ] {
            let refused = read(&|channel| channel[key] = value.clone()).expect_err(key);
            assert!(refused.contains(words), "{key}: {refused}");
        }
        let twice = serde_json::from_value::<Notifications>(json!({"channels": [good, good]})).expect_err("twice").to_string();
        assert!(twice.contains("two channels are called `ops`"), "{twice}");
    }

    #[test]
    fn what_has_less_risk_is_not_told_and_what_has_none_is() {
        let channel = json!({"name": "ops", "kind": "webhook", "url": "http://a/", "secret_env": "S", "least_risk": "high"});
        let channel: Channel = serde_json::from_value(channel).expect("a channel");
        assert!(!channel.wants(Kind::Failed, Some(Risk::Low)) && channel.wants(Kind::Failed, Some(Risk::Destructive)));
        assert!(channel.wants(Kind::Failed, None));
    }
}

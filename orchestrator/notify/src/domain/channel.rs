//! The channels, as the configuration has them: where notifications go, for whom, and which.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use chiffon_protocol::action::Risk;
use lettre::Address;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::kind::Kind;
use super::rhythm::Quiet;

/// So many people get one channel's e-mail.
const MOST_ADDRESSES: usize = 50;
/// What is gathered for longer is not told, one would think.
const LONGEST_DIGEST: Duration = Duration::from_hours(7 * 24);

/// How a channel is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NotificationMedium)]
pub enum Medium {
    /// A signed call of an address (Standard Webhooks).
    Webhook,
    /// A topic of an ntfy server.
    Ntfy,
    /// An incoming webhook as Slack has them.
    Slack,
    /// Messages by way of the server of `[notifications.smtp]`.
    Email,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// What records and messages call it.
    pub name: String,
    /// How it is spoken to.
    pub kind: Medium,
    /// Where; empty for `slack`, whose address is its secret, and for `email`.
    #[serde(default)]
    pub url: String,
    /// The topic of an ntfy server.
    #[serde(default)]
    pub topic: String,
    /// Who gets the e-mail.
    #[serde(default)]
    pub to: Vec<Address>,
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
    /// So long what is not urgent is gathered, and told together.
    #[serde(default, with = "humantime_serde")]
    pub digest: Option<Duration>,
    /// What is not urgent is told after them.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// What waits for neither.
    #[serde(default)]
    pub urgent: Vec<Kind>,
    /// Nor does what is about a plan of this risk or more.
    #[serde(default = "high")]
    pub urgent_risk: Risk,
}

fn high() -> Risk {
    Risk::High
}

fn all() -> Vec<Kind> {
    Kind::ALL.to_vec()
}

impl Channel {
    /// Whether it tells this. What has no plan has no risk, and is told.
    pub fn wants(&self, kind: Kind, risk: Option<Risk>) -> bool {
        self.notices.contains(&kind) && risk.zip(self.least_risk).is_none_or(|(risk, least)| risk >= least)
    }

    /// Where it leads as lists show it: no path and no topic, since whoever knows them may use them.
    pub fn shown_address(&self) -> String {
        match self.kind {
            Medium::Webhook | Medium::Ntfy => {
                let url = self.url.parse::<reqwest::Url>().ok();
                url.and_then(|url| Some(format!("{}://{}", url.scheme(), url.host_str()?))).unwrap_or_default()
            }
            Medium::Slack => "the address in its secret".to_owned(),
            Medium::Email => self.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        }
    }

    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            return Err(format!("`{}` is no channel's name; use 1 to 64 of a-z, 0-9, - and _", name.escape_default()));
        }
        if self.secret_env.is_some() && self.secret_file.is_some() {
            return Err(format!("the channel `{name}` has secret_env and secret_file; say one of them"));
        }
        self.check_keys()?;
        if self.digest.is_some_and(|span| span.is_zero() || span > LONGEST_DIGEST) {
            return Err(format!("`digest` of the channel `{name}` is no time from a second to a week"));
        }
        if self.quiet.as_ref().is_some_and(Quiet::is_always) {
            return Err(format!("the quiet hours of the channel `{name}` never end; let `to` be another time than `from`, or name days"));
        }
        let has_secret = self.secret_env.is_some() || self.secret_file.is_some();
        match self.kind {
            Medium::Webhook if !has_secret => {
                Err(format!("the channel `{name}` needs secret_file (or secret_env): what it says is signed with it"))
            }
            Medium::Webhook => self.check_url("https://hooks.lan/chiffon"),
            Medium::Ntfy if !is_topic(&self.topic) => {
                Err(format!("`topic` of the channel `{name}` is no topic of ntfy; use 1 to 64 of a-z, A-Z, 0-9, - and _"))
            }
            Medium::Ntfy => self.check_url("https://ntfy.sh"),
            Medium::Slack if !has_secret => {
                Err(format!("the channel `{name}` needs secret_file (or secret_env), which holds the address of its incoming webhook"))
            }
            Medium::Email if self.to.is_empty() || self.to.len() > MOST_ADDRESSES => {
                Err(format!("`to` of the channel `{name}` has {} addresses; name 1 to {MOST_ADDRESSES}", self.to.len()))
            }
            Medium::Slack | Medium::Email => Ok(()),
        }
    }

    /// A key that its kind has no use for is refused: it would be ignored.
    fn check_keys(&self) -> Result<(), String> {
        let (kind, name) = (self.kind, &self.name);
        let has_url = matches!(kind, Medium::Webhook | Medium::Ntfy);
        let useless = [
            ("url", !self.url.is_empty() && !has_url),
            ("topic", !self.topic.is_empty() && kind != Medium::Ntfy),
            ("to", !self.to.is_empty() && kind != Medium::Email),
            ("secret_env", self.secret_env.is_some() && kind == Medium::Email),
            ("secret_file", self.secret_file.is_some() && kind == Medium::Email),
        ];
        match useless.iter().find(|(_, is_said)| *is_said) {
            Some((key, _)) if kind == Medium::Slack => Err(format!(
                "the channel `{name}` has `{key}`; the address of an incoming webhook is a secret: put it into its secret_file"
            )),
            Some((key, _)) => Err(format!("the channel `{name}` has `{key}`, for which its kind has no use; leave it out")),
            None => Ok(()),
        }
    }

    fn check_url(&self, such_as: &str) -> Result<(), String> {
        let name = &self.name;
        let Some(url) = parsed(&self.url) else {
            return Err(format!("`url` of the channel `{name}` is no address such as {such_as}"));
        };
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(format!("`url` of the channel `{name}` holds a login or a `#`; name the secret with secret_file"));
        }
        Ok(())
    }
}

/// An address that can be called.
pub fn parsed(url: &str) -> Option<reqwest::Url> {
    url.parse::<reqwest::Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn is_topic(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

pub(super) fn channels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Channel>, D::Error> {
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
    use crate::domain::settings::Notifications;

    #[test]
    fn a_channel_that_can_not_be_meant_is_refused_in_words() {
        let good = json!({"name": "ops", "kind": "webhook", "url": "https://hooks.lan/x", "secret_env": "S"});
        let read = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut channel = good.clone();
            change(&mut channel);
            serde_json::from_value::<Notifications>(json!({"channels": [channel]})).map_err(|error| error.to_string())
        };
        let whole = read(&|_| {}).expect("it is good");
        assert!(whole.channels[0].wants(Kind::Failed, None) && whole.channels[0].shown_address() == "https://hooks.lan");
        for (key, value, words) in [
            ("name", json!("Ops!"), "no channel's name"),
            ("url", json!("hooks.lan"), "no address such as"),
            ("url", json!("https://me:pw@hooks.lan"), "holds a login"),
            ("secret_env", json!(null), "needs secret_file"),
            ("secret_file", json!("/a"), "say one of them"),
            ("colour", json!("red"), "unknown field"),
            ("notices", json!(["everything"]), "unknown variant"),
            ("least_risk", json!("huge"), "unknown variant"),
            ("topic", json!("alarms"), "no use"),
            ("digest", json!("0s"), "no time from a second"),
            ("digest", json!("8days"), "to a week"),
            ("quiet", json!({"from": "00:00", "to": "00:00", "time_zone": "UTC"}), "never end"),
            ("urgent", json!(["everything"]), "unknown variant"),
            ("kind", json!("ntfy"), "no topic of ntfy"),
            ("kind", json!("slack"), "put it into its secret_file"),
            ("kind", json!("email"), "no use"),
            ("to", json!(["ada@chiffon.test\r\nBcc: eve@chiffon.test"]), "Invalid"),
        ] {
            let refused = read(&|channel| channel[key] = value.clone()).expect_err(key);
            assert!(refused.contains(words), "{key}: {refused}");
        }
        let twice = serde_json::from_value::<Notifications>(json!({"channels": [good, good]})).expect_err("twice").to_string();
        assert!(twice.contains("two channels are called `ops`"), "{twice}");
    }

    #[test]
    fn e_mail_needs_a_server_and_a_password_is_not_sent_in_the_open() {
        let mail = json!({"name": "mail", "kind": "email", "to": ["ada@chiffon.test"]});
        let read = |smtp: serde_json::Value| {
            serde_json::from_value::<Notifications>(json!({"channels": [mail], "smtp": smtp})).map_err(|error| error.to_string())
        };
        assert!(read(json!({})).expect_err("no server").contains("names no server"));
        let from = "chiffon@chiffon.test";
        assert!(read(json!({"host": "mail.lan", "from": from})).is_ok());
        assert!(read(json!({"host": "localhost", "from": from, "security": "none"})).is_ok());
        for (smtp, words) in [
            (json!({"host": "mail.lan", "from": from, "security": "none"}), "on this machine"),
            (json!({"host": "mail.lan"}), "`notifications.smtp.from`"),
            (json!({"host": "mail.lan", "from": from, "user": "ada"}), "password_file"),
            (json!({"host": "mail.lan", "from": "a\nb"}), "`notifications.smtp.from`"),
        ] {
            let refused = read(smtp.clone()).expect_err(words);
            assert!(refused.contains(words), "{smtp}: {refused}");
        }
    }

    #[test]
    fn what_has_less_risk_is_not_told_and_what_has_none_is() {
        let channel = json!({"name": "ops", "kind": "webhook", "url": "http://a/", "secret_env": "S", "least_risk": "high"});
        let channel: Channel = serde_json::from_value(channel).expect("a channel");
        assert!(!channel.wants(Kind::Failed, Some(Risk::Low)) && channel.wants(Kind::Failed, Some(Risk::Destructive)));
        assert!(channel.wants(Kind::Failed, None));
    }
}

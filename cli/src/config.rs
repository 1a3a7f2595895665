//! The configuration of all processes, as `config/default.toml` documents it: reading it, and nothing else.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chiffon_engine::domain::task::Limits;
use chiffon_hooks::domain::hook::Webhooks;
use chiffon_kernel::verbs::{Retention, Watch};
use chiffon_models::planner::provider::config::{ProviderConfig, Strategy, some_time};
use chiffon_notify::domain::settings::Notifications;
use chiffon_oidc::domain::settings::Settings;
use chiffon_plans::domain::policy::Policy;
use chiffon_process::config::{ConfigError, Layers};
use chiffon_process::telemetry::{self, Format};
use chiffon_protocol::key::PublicKey;
use chiffon_protocol::topology::QueueType;
use chiffon_requests::domain::deadline::Deadlines;
use serde::Deserialize;

/// The documented defaults.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub log: Log,
    #[serde(deserialize_with = "traces")]
    pub traces: chiffon_traces::Settings,
    pub http: Http,
    pub database: Database,
    pub bus: Bus,
    pub orchestrator: Orchestrator,
    pub agents: Agents,
    pub dispatch: Dispatch,
    pub dead_letters: DeadLetters,
    pub deadlines: Deadlines,
    pub retry: Limits,
    pub watch: Watch,
    pub retention: Retention,
    pub planning: Planning,
    pub llm: Llm,
    pub notifications: Notifications,
    pub webhooks: Webhooks,
    pub policy: Policy,
    #[serde(deserialize_with = "oidc")]
    pub oidc: Settings,
    pub agent: Agent,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: Format,
    #[serde(deserialize_with = "filter")]
    pub filter: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    #[serde(deserialize_with = "listen")]
    pub listen: String,
    #[serde(deserialize_with = "public_url")]
    pub public_url: String,
    pub max_body_bytes: usize,
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    pub max_connections: usize,
    pub max_connections_per_address: usize,
    pub max_streams: usize,
    pub max_streams_per_principal: usize,
    pub max_waits: usize,
    pub max_waits_per_principal: usize,
    pub calls_per_second: NonZeroU32,
    pub failed_tokens_per_minute: NonZeroU32,
    pub allowed_hosts: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: String,
    pub url_file: PathBuf,
    pub postmortem_url: String,
    pub postmortem_url_file: PathBuf,
    pub max_connections: u32,
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
    #[serde(with = "humantime_serde")]
    pub statement_timeout: Duration,
}

/// Which broker is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum BusDriver {
    /// RabbitMQ where it is configured or installed, else in process.
    Auto,
    /// RabbitMQ.
    Rabbitmq,
    /// In process.
    Memory,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    pub driver: BusDriver,
    pub url: String,
    pub url_file: PathBuf,
    pub queue_type: QueueType,
    #[serde(with = "humantime_serde")]
    pub publish_timeout: Duration,
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    pub admit_unverified: Vec<String>,
    pub unverified: Vec<UnverifiedPeer>,
}

/// An agent that knows only the fixed fields of messages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnverifiedPeer {
    pub queue: String,
    pub actions: Vec<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orchestrator {
    pub signing_key_file: PathBuf,
    pub public_key: String,
    pub audit_repository: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agents {
    pub trusted: Vec<PublicKey>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispatch {
    #[serde(with = "humantime_serde")]
    pub claim_within: Duration,
    #[serde(with = "humantime_serde")]
    pub start_within: Duration,
    #[serde(with = "humantime_serde")]
    pub agent_lease: Duration,
    #[serde(with = "humantime_serde")]
    pub resend_after: Duration,
    #[serde(with = "humantime_serde")]
    pub tick: Duration,
    #[serde(with = "humantime_serde")]
    pub signature_valid_for: Duration,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetters {
    #[serde(with = "humantime_serde")]
    pub keep: Duration,
    pub most: u32,
    pub max_bytes: u64,
    pub most_of_strangers: u32,
    pub max_body_bytes: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planning {
    pub max_text_chars: usize,
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    pub tries: i32,
    pub max_open_requests: u32,
    pub max_open_requests_per_principal: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Llm {
    pub strategy: Strategy,
    #[serde(deserialize_with = "some_time")]
    pub round_within: Duration,
    pub providers: Vec<ProviderConfig>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    pub id: String,
    pub hostname: String,
    pub data_dir: PathBuf,
    pub key_file: PathBuf,
    pub concurrency: usize,
    pub max_log_bytes: u64,
    #[serde(with = "humantime_serde")]
    pub heartbeat_every: Duration,
    #[serde(with = "humantime_serde")]
    pub drain_within: Duration,
    pub infrastructure: Infrastructure,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Infrastructure {
    pub playbooks: PathBuf,
    pub inventory: PathBuf,
    pub ansible_playbook: PathBuf,
    pub ansible_inventory: PathBuf,
}

/// A provider by which somebody could sign in, or none. Whether its secret is there shows when it is needed.
fn oidc<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
    let settings = Settings::deserialize(deserializer)?;
    settings.check().map(|()| settings).map_err(serde::de::Error::custom)
}

/// A collector that could be meant, or none. Whether its headers can be read shows when it is begun.
fn traces<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<chiffon_traces::Settings, D::Error> {
    let settings = chiffon_traces::Settings::deserialize(deserializer)?;
    settings.check().map(|()| settings).map_err(serde::de::Error::custom)
}

/// What can be logged by.
fn filter<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    telemetry::check(&text)
        .map_err(|why| serde::de::Error::custom(format!("`{text}` is no filter ({why}); give one such as info,lapin=off")))?;
    Ok(text)
}

/// An address and a port. That is looked at here, before anything is asked or started; whether the port is free shows when it is taken.
fn listen<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Text(String),
        Port(u16),
    }
    let text = match Given::deserialize(deserializer)? {
        Given::Text(text) => text,
        Given::Port(port) => port.to_string(),
    };
    let is_host = |host: &str| {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        bare.map_or_else(
            || !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
            |bare| bare.parse::<std::net::Ipv6Addr>().is_ok(),
        )
    };
    if text.rsplit_once(':').is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok()) {
        return Ok(text);
    }
    let example = match text.trim_start_matches(':').parse::<u16>() {
        Ok(port) => format!("127.0.0.1:{port} (this machine only) or 0.0.0.0:{port}"),
        Err(_) if is_host(&text) => format!("{text}:8080"),
        Err(_) => "127.0.0.1:8080".to_owned(),
    };
    let message = format!("`{text}` is no address to listen on; give an address and a port, such as {example}");
    Err(serde::de::Error::custom(message))
}

/// Nothing, or an address that links can begin with.
fn public_url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fits = |url: &reqwest::Url| matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
    match text.parse::<reqwest::Url>() {
        _ if text.is_empty() => Ok(text),
        Ok(url) if fits(&url) && url.username().is_empty() && url.password().is_none() => Ok(text),
        _ => Err(serde::de::Error::custom(format!("`{text}` is not where people reach it, such as https://chiffon.lan"))),
    }
}

/// The layers under what the command line says.
pub fn layers(file: Option<&Path>) -> Result<Layers, ConfigError> {
    Layers::new(DEFAULTS, file)
}

/// A value, or what its `_file` form holds.
pub fn value_or_file(value: &str, file: &Path, key: &str) -> Result<String, ConfigError> {
    if !value.is_empty() || file.as_os_str().is_empty() {
        return Ok(value.to_owned());
    }
    std::fs::read_to_string(file)
        .map(|text| text.trim().to_owned())
        .map_err(|error| ConfigError::Value(format!("`{key}` names {}, which can't be read: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_key_is_read_and_every_key_that_is_read_is_documented() {
        let read = layers(None).and_then(|layers| layers.read::<Config>());
        assert!(read.is_ok(), "{:?}", read.err());
    }

    #[test]
    fn a_public_address_is_one_that_links_can_begin_with() {
        let read = |value: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("chiffon.toml");
            std::fs::write(&file, format!("[http]\npublic_url = {value:?}\n")).expect("written");
            layers(Some(&file))
                .and_then(|layers| layers.read::<Config>())
                .map(|config| config.http.public_url)
                .map_err(|error| error.to_string())
        };
        for good in ["", "https://chiffon.lan", "http://10.0.0.2:8080/chiffon/"] {
            assert_eq!(read(good).as_deref(), Ok(good));
        }
        for bad in ["chiffon.lan", "ftp://chiffon.lan", "https://me:secret@chiffon.lan", "https://chiffon.lan/?a", "https://"] {
            let refused = read(bad).expect_err("no link begins so");
            assert!(refused.contains("public_url") && refused.contains("such as"), "{bad}: {refused}");
        }
    }

    #[test]
    fn an_address_to_listen_on_has_a_host_and_a_port_and_a_filter_is_one() {
        let read = |section: &str, line: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("chiffon.toml");
            std::fs::write(&file, format!("[{section}]\n{line}\n")).expect("written");
            layers(Some(&file)).and_then(|layers| layers.read::<Config>()).map(drop).map_err(|error| error.to_string())
        };
        for good in ["127.0.0.1:0", "0.0.0.0:8080", "[::1]:8080", "localhost:80", "my-nas.lan:80"] {
            assert_eq!(read("http", &format!("listen = {good:?}")), Ok(()), "{good}");
        }
        for (bad, example) in [
            ("8080", "127.0.0.1:8080 (this machine only)"),
            ("\"8080\"", "127.0.0.1:8080 (this machine only)"),
            ("\":9090\"", "127.0.0.1:9090 (this machine only)"),
            ("\"nas\"", "such as nas:8080"),
            ("\"nas:http\"", "such as 127.0.0.1:8080"),
            ("\"nas:80800\"", "such as 127.0.0.1:8080"),
            ("\"::1:8080\"", "such as 127.0.0.1:8080"),
            ("\"http://nas:80\"", "such as 127.0.0.1:8080"),
        ] {
            let refused = read("http", &format!("listen = {bad}")).expect_err("nobody can listen there");
            assert!(refused.contains("`http.listen`") && refused.contains(example), "{bad}: {refused}");
        }
        let refused = read("log", "filter = \"info,chiffon=loud\"").expect_err("no level");
        assert!(refused.contains("`log.filter`") && refused.contains("such as info"), "{refused}");
    }

    #[test]
    fn amounts_and_limits_that_can_not_be_meant_are_refused_with_their_key() {
        for (key, value) in [
            ("monthly_budget_usd", "-1.0"),
            ("monthly_budget_usd", "nan"),
            ("input_usd_per_million_tokens", "-0.5"),
            ("output_usd_per_million_tokens", "inf"),
            ("output_usd_per_million_tokens", "-inf"),
            ("temperature", "nan"),
            ("max_tries", "0"),
            ("max_output_tokens", "0"),
            ("timeout", "\"0s\""),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("chiffon.toml");
            let text =
                format!("[[llm.providers]]\nname = \"home\"\nbase_url = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n{key} = {value}\n");
            std::fs::write(&file, text).expect("written");
            let refused =
                layers(Some(&file)).and_then(|layers| layers.read::<Config>()).map(drop).expect_err("it can't be meant").to_string();
            assert!(refused.contains("llm.providers") && refused.contains(key), "{key} = {value}: {refused}");
        }
    }

    #[test]
    fn a_provider_is_read_with_its_groups_and_refused_by_the_key_that_is_wrong() {
        let read = |lines: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("chiffon.toml");
            std::fs::write(&file, format!("[oidc]\nissuer = \"https://id.example.org\"\n{lines}\n")).expect("written");
            layers(Some(&file)).and_then(|layers| layers.read::<Config>()).map(|config| config.oidc).map_err(|refused| refused.to_string())
        };
        let good = read("client_id = \"chiffon\"\nroles = { ops = \"operator\", \"team/leads\" = \"approver\" }").expect("it is read");
        assert!(good.is_on() && good.roles.len() == 2, "{good:?}");
        for (lines, words) in [
            ("client_id = \"chiffon\"", "oidc.roles is empty"),
            ("roles = { ops = \"operator\" }", "oidc.client_id is empty"),
            ("client_id = \"chiffon\"\nroles = { ops = \"boss\" }", "boss"),
            ("client_id = \"chiffon\"\ngroup_claim = \"groups\"", "unknown key `oidc.group_claim`"),
        ] {
            let refused = read(lines).expect_err(words);
            assert!(refused.contains(words), "{lines}: {refused}");
        }
    }

    #[test]
    fn a_collector_is_read_and_refused_by_the_key_that_is_wrong() {
        let read = |lines: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("chiffon.toml");
            std::fs::write(&file, format!("[traces]\n{lines}\n")).expect("written");
            layers(Some(&file))
                .and_then(|layers| layers.read::<Config>())
                .map(|config| config.traces)
                .map_err(|refused| refused.to_string())
        };
        assert_eq!(read("endpoint = \"http://127.0.0.1:4318\"\nsample_ratio = 0.5").expect("it is read").endpoint, "http://127.0.0.1:4318");
        for (lines, words) in [
            ("endpoint = \"127.0.0.1:4318\"", "traces.endpoint"),
            ("sample_ratio = 2", "traces.sample_ratio"),
            ("headers = \"a=b\"", "unknown key `traces.headers`"),
        ] {
            let refused = read(lines).expect_err(words);
            assert!(refused.contains(words), "{lines}: {refused}");
        }
    }

    #[test]
    fn every_key_stands_under_its_meaning() {
        let lines: Vec<&str> = DEFAULTS.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ") && !line.starts_with('#')) {
            assert!(
                number > 0 && lines[number - 1].starts_with("# "),
                "config/default.toml:{}: `{line}` has no words above it",
                number + 1
            );
        }
    }
}

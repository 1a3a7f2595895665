//! An orchestrator from configuration.

use std::path::PathBuf;
use std::sync::Arc;

use chiffon_bus::Bus;
use chiffon_engine::verbs::{self as engine, DeadLetterLimits};
use chiffon_fleet::domain::unverified::Peer;
use chiffon_kernel::http::{HttpOptions, Most};
use chiffon_kernel::verbs as kernel;
use chiffon_orchestrator::app::OrchestratorOptions;
use chiffon_process::{Clock as _, SystemClock, Traces};
use chiffon_protocol::ActionSpec;
use chiffon_protocol::key::{KeyPair, PublicKey};
use chiffon_protocol::kind::Kinds;
use chiffon_requests::verbs::Settings;
use chiffon_requests::verbs::open_requests::OpenRequestLimits;
use secrecy::SecretString;

use super::backends;
use crate::config::Config;
use crate::exit::Failure;

/// What an orchestrator is built of, beside the configuration.
pub struct Parts {
    pub database_url: String,
    pub bus: Arc<dyn Bus>,
    pub key: KeyPair,
    pub trusted_agents: Vec<PublicKey>,
    pub audit_repository: PathBuf,
    pub admin_token: Option<SecretString>,
    pub traces: Traces,
}

/// The options for it.
pub fn options(config: &Config, parts: Parts) -> Result<OrchestratorOptions, Failure> {
    let instance = format!("{}-{}-{}", super::agent::system_hostname(), std::process::id(), SystemClock.now().timestamp_millis());
    Ok(OrchestratorOptions {
        store: backends::store_options(config, parts.database_url),
        bus: parts.bus,
        key: parts.key,
        trusted_agents: parts.trusted_agents,
        policy: config.policy.clone(),
        settings: settings(config)?,
        providers: config.llm.providers.clone(),
        strategy: config.llm.strategy,
        round_within: config.llm.round_within,
        audit_repository: parts.audit_repository,
        notifications: config.notifications.clone(),
        webhooks: config.webhooks.clone(),
        http: HttpOptions {
            public_url: config.http.public_url.clone(),
            max_body_bytes: config.http.max_body_bytes,
            request_timeout: config.http.request_timeout,
            header_timeout: config.http.header_timeout,
            max_connections: config.http.max_connections,
            max_connections_per_address: config.http.max_connections_per_address,
            views: Most { all: config.http.max_streams, of_one: config.http.max_streams_per_principal },
            waits: Most { all: config.http.max_waits, of_one: config.http.max_waits_per_principal },
            calls_per_second: config.http.calls_per_second.get(),
            failed_tokens_per_minute: config.http.failed_tokens_per_minute.get(),
            allowed_hosts: allowed_hosts(config),
            ..HttpOptions::default()
        },
        oidc: config.oidc.is_on().then(|| config.oidc.clone()),
        admin_token: parts.admin_token,
        traces: parts.traces,
        instance,
    })
}

/// The configured names, and this machine's own.
fn allowed_hosts(config: &Config) -> Vec<String> {
    let own = super::agent::system_hostname();
    let local = format!("{own}.local");
    config.http.allowed_hosts.iter().cloned().chain([own, local]).collect()
}

/// The peers that sign nothing and are admitted: both keys must name their queue.
fn unverified(config: &Config, kinds: &Kinds) -> Result<Vec<Peer>, Failure> {
    let mut peers = Vec::new();
    for queue in &config.bus.admit_unverified {
        let described = config.bus.unverified.iter().find(|peer| peer.queue == *queue).ok_or_else(|| {
            Failure::usage(format!("bus.admit_unverified names {queue}, and no [[bus.unverified]] says what its agent can do; add one"))
        })?;
        let mut actions = Vec::new();
        for file in &described.actions {
            let text =
                std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("bus.unverified: {}: {error}", file.display())))?;
            let spec =
                ActionSpec::from_yaml(&text).map_err(|error| Failure::usage(format!("bus.unverified: {}: {error}", file.display())))?;
            actions.push(spec);
        }
        peers.push(Peer::new(kinds, queue, actions).map_err(|why| Failure::usage(format!("bus.admit_unverified: {why}")))?);
    }
    Ok(peers)
}

/// Times and limits, and whoever is admitted without signatures.
pub fn settings(config: &Config) -> Result<Settings, Failure> {
    let kinds = Kinds::default();
    let unverified = unverified(config, &kinds)?;
    Ok(Settings {
        engine: engine::Settings {
            kernel: kernel::Settings {
                signature_valid_for: config.dispatch.signature_valid_for,
                queue_type: config.bus.queue_type,
                kinds,
                tick: config.dispatch.tick,
                watch: config.watch.clone(),
                retention: config.retention.clone(),
            },
            claim_within: config.dispatch.claim_within,
            start_within: config.dispatch.start_within,
            agent_lease: config.dispatch.agent_lease,
            run_margin: config.deadlines.run_margin,
            dead_letters: DeadLetterLimits {
                keep: config.dead_letters.keep,
                most: config.dead_letters.most,
                max_bytes: config.dead_letters.max_bytes,
                most_of_strangers: config.dead_letters.most_of_strangers,
                max_body_bytes: config.dead_letters.max_body_bytes,
            },
            retry: config.retry.clone(),
            unverified,
        },
        resend_after: config.dispatch.resend_after,
        planning_lease: config.planning.lease,
        planning_tries: config.planning.tries,
        max_text_chars: config.planning.max_text_chars,
        open_requests: OpenRequestLimits {
            all: config.planning.max_open_requests,
            of_one: config.planning.max_open_requests_per_principal,
        },
        deadlines: config.deadlines.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{UnverifiedPeer, layers};

    #[test]
    fn a_peer_without_signatures_needs_both_keys() {
        let mut config: Config = layers(None).and_then(|layers| layers.read()).expect("the defaults read");
        assert_eq!(unverified(&config, &Kinds::default()).map_err(|failure| failure.message), Ok(Vec::new()), "off by default");
        config.bus.unverified = vec![UnverifiedPeer { queue: "agent.desktop.oldbox".to_owned(), actions: Vec::new() }];
        assert_eq!(unverified(&config, &Kinds::default()).map_err(|failure| failure.message), Ok(Vec::new()), "described is not admitted");
        config.bus.admit_unverified = vec!["agent.desktop.oldbox".to_owned()];
        assert_eq!(
            unverified(&config, &Kinds::default()).map_or_else(|failure| failure.message, |peers| peers[0].agent_id()),
            "unverified:agent.desktop.oldbox"
        );
        config.bus.admit_unverified = vec!["agent.desktop.newbox".to_owned()];
        let refused = unverified(&config, &Kinds::default()).expect_err("nobody says what it can do").message;
        assert!(refused.contains("agent.desktop.newbox") && refused.contains("[[bus.unverified]]"), "{refused}");
        config.bus.admit_unverified = vec!["agent.infrastructure".to_owned()];
        config.bus.unverified[0].queue = "agent.infrastructure".to_owned();
        let refused = unverified(&config, &Kinds::default()).expect_err("others would get its work").message;
        assert!(refused.contains("queue of one machine"), "{refused}");
    }
}

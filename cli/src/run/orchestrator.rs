//! An orchestrator from configuration.

use std::path::PathBuf;
use std::sync::Arc;

use chiffon_bus::Bus;
use chiffon_orchestrator::app::OrchestratorOptions;
use chiffon_orchestrator::http::HttpOptions;
use chiffon_orchestrator::service::{DeadLetterLimits, Settings};
use chiffon_process::{Clock as _, SystemClock};
use chiffon_protocol::key::{KeyPair, PublicKey};

use super::backends;
use crate::config::Config;

/// What an orchestrator is built of, beside the configuration.
pub struct Parts {
    pub database_url: String,
    pub bus: Arc<dyn Bus>,
    pub key: KeyPair,
    pub trusted_agents: Vec<PublicKey>,
    pub audit_repository: PathBuf,
}

/// The options for it.
pub fn options(config: &Config, parts: Parts) -> OrchestratorOptions {
    let instance = format!("{}-{}-{}", super::agent::system_hostname(), std::process::id(), SystemClock.now().timestamp_millis());
    OrchestratorOptions {
        store: backends::store_options(config, parts.database_url),
        bus: parts.bus,
        key: parts.key,
        trusted_agents: parts.trusted_agents,
        policy: config.policy.clone(),
        settings: settings(config),
        providers: config.llm.providers.clone(),
        strategy: config.llm.strategy,
        audit_repository: parts.audit_repository,
        http: HttpOptions {
            max_body_bytes: config.http.max_body_bytes,
            request_timeout: config.http.request_timeout,
            ..HttpOptions::default()
        },
        instance,
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        claim_within: config.dispatch.claim_within,
        start_within: config.dispatch.start_within,
        agent_lease: config.dispatch.agent_lease,
        resend_after: config.dispatch.resend_after,
        planning_lease: config.planning.lease,
        planning_tries: config.planning.tries,
        signature_valid_for: config.dispatch.signature_valid_for,
        max_text_chars: config.planning.max_text_chars,
        queue_type: config.bus.queue_type,
        tick: config.dispatch.tick,
        dead_letters: DeadLetterLimits {
            keep: config.dead_letters.keep,
            most: config.dead_letters.most,
            max_body_bytes: config.dead_letters.max_body_bytes,
        },
        deadlines: config.deadlines.clone(),
        retry: config.retry.clone(),
        watch: config.watch.clone(),
        retention: config.retention.clone(),
    }
}

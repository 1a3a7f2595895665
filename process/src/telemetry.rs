//! Logs: JSON lines for machines, short lines for a terminal, always on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Starts logging. `filter` is a tracing directive such as `info` or `chiffon_orchestrator=debug`; a second call changes nothing.
pub fn init(format: Format, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let started = match format {
        Format::Json => registry.with(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init(),
        Format::Text => registry.with(tracing_subscriber::fmt::layer().compact().with_writer(std::io::stderr)).try_init(),
    };
    drop(started);
}

/// Chooses the one TLS provider of the process; without it the first HTTP client panics.
pub fn install_tls_provider() {
    let installed_before = rustls::crypto::ring::default_provider().install_default().is_err();
    if installed_before {
        tracing::trace!("a TLS provider was installed before");
    }
}

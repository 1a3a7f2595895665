//! A model's call as a span, by OpenTelemetry's conventions for generative AI. What was asked and answered is never in it.

use chiffon_process::traces::{Kind, Span, SpanId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::ledger::Settlement;
use super::provider::config::ProviderConfig;

/// The host alone: what else stands in an address may be a secret.
fn host_of(base_url: &str) -> Option<String> {
    base_url.parse::<reqwest::Url>().ok()?.host_str().map(str::to_owned)
}

/// A paid call, its tries and the waiting between them included.
pub fn of_call(call_id: Uuid, config: &ProviderConfig, settlement: &Settlement, start: DateTime<Utc>, end: DateTime<Utc>) -> Span {
    let tokens = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
    Span::new(SpanId::of_call(call_id), Kind::Client, format!("chat {}", config.model), start, end)
        .with("gen_ai.operation.name", "chat")
        .with("gen_ai.provider.name", config.name.as_str())
        // The attribute's name until version 1.37 of the conventions, which most collectors still read.
        .with("gen_ai.system", config.name.as_str())
        .with("gen_ai.request.model", config.model.as_str())
        .with("gen_ai.output.type", "json")
        .with_some("server.address", host_of(&config.base_url))
        .with_some("gen_ai.usage.input_tokens", tokens(settlement.input_tokens))
        .with_some("gen_ai.usage.output_tokens", tokens(settlement.output_tokens))
        .with("chiffon.model_call.id", call_id)
        .with("chiffon.model_call.state", settlement.state)
        .with("chiffon.model_call.tries", settlement.tries)
        .failed(settlement.error.as_ref().map(|problem| problem.code.number()))
}

//! What an operator says about a model provider.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How answers are held to a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Structured {
    /// The provider enforces the schema.
    #[default]
    JsonSchema,
    /// The provider enforces that it is JSON.
    JsonObject,
    /// The prompt asks for it.
    None,
}

/// In which order providers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// As listed.
    #[default]
    Quality,
    /// Routine requests go to the cheapest first.
    Cost,
}

/// One provider with an OpenAI-compatible API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// What records and messages call it.
    pub name: String,
    /// The URL before `/chat/completions`, such as `https://api.anthropic.com/v1`.
    pub base_url: String,
    /// The model's name at the provider.
    pub model: String,
    /// The environment variable that holds the key; without it and without a file, none is sent.
    #[serde(default)]
    pub api_key_env: Option<String>,
    /// The file that holds the key.
    #[serde(default)]
    pub api_key_file: Option<PathBuf>,
    /// What it may cost in a calendar month; without it, there is no limit.
    #[serde(default)]
    pub monthly_budget_usd: Option<f64>,
    /// What a million input tokens cost.
    #[serde(default)]
    pub input_usd_per_million_tokens: f64,
    /// What a million output tokens cost.
    #[serde(default)]
    pub output_usd_per_million_tokens: f64,
    /// How long one try may take, from connecting to the last byte.
    #[serde(default = "timeout", with = "humantime_serde")]
    pub timeout: Duration,
    /// Tries of one call, the first included.
    #[serde(default = "max_tries")]
    pub max_tries: u32,
    /// The delay before the second try; it doubles from there.
    #[serde(default = "retry_delay", with = "humantime_serde")]
    pub retry_delay: Duration,
    /// The longest `Retry-After` that is waited for; a longer one passes the provider over.
    #[serde(default = "retry_after_cap", with = "humantime_serde")]
    pub retry_after_cap: Duration,
    /// No answer is longer.
    #[serde(default = "max_output_tokens")]
    pub max_output_tokens: u32,
    /// The sampling temperature; without it, the provider's own.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// How answers are held to a form.
    #[serde(default)]
    pub structured: Structured,
    /// Whether the answer is streamed.
    #[serde(default)]
    pub stream: bool,
    /// Consecutive failures after which it is left alone for a while; 0 never leaves it alone.
    #[serde(default = "breaker_failures")]
    pub breaker_failures: u32,
    /// How long it is left alone.
    #[serde(default = "breaker_cool_down", with = "humantime_serde")]
    pub breaker_cool_down: Duration,
}

fn timeout() -> Duration {
    Duration::from_mins(1)
}

fn max_tries() -> u32 {
    3
}

fn retry_delay() -> Duration {
    Duration::from_millis(500)
}

fn retry_after_cap() -> Duration {
    Duration::from_secs(30)
}

fn max_output_tokens() -> u32 {
    4096
}

fn breaker_failures() -> u32 {
    5
}

fn breaker_cool_down() -> Duration {
    Duration::from_mins(1)
}

impl ProviderConfig {
    /// What tokens cost.
    pub fn cost_usd(&self, input_tokens: f64, output_tokens: f64) -> f64 {
        (input_tokens * self.input_usd_per_million_tokens + output_tokens * self.output_usd_per_million_tokens) / 1e6
    }

    /// The most that a call with a prompt of this many bytes can cost: every byte could be a token, in practice two to four are
    /// one; and one try whose outcome is unknown may be repeated (RELIABILITY 19).
    pub fn worst_case_usd(&self, prompt_bytes: usize) -> f64 {
        let input = f64::from(u32::try_from(prompt_bytes / 2).unwrap_or(u32::MAX));
        let tries = if self.max_tries > 1 { 2.0 } else { 1.0 };
        tries * self.cost_usd(input, f64::from(self.max_output_tokens))
    }
}

//! What an operator says about a model provider.

use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::http::Bounds;

/// What stands around the text of an answer.
const ENVELOPE_BYTES: usize = 256 * 1024;
/// No answer is longer, whatever is configured.
const LONGEST_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// How answers are held to a form. A provider that refuses one is asked with the next weaker; the prompt shows the schema in any case.
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

impl Structured {
    /// The next weaker.
    pub fn weaker(self) -> Option<Self> {
        match self {
            Self::JsonSchema => Some(Self::JsonObject),
            Self::JsonObject => Some(Self::None),
            Self::None => None,
        }
    }
}

/// In which order providers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// As listed.
    #[default]
    Quality,
    /// Routine requests go to the cheapest first; what could do harm does not.
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
    #[serde(default, deserialize_with = "amount_or_none")]
    pub monthly_budget_usd: Option<f64>,
    /// What a million input tokens cost.
    #[serde(default, deserialize_with = "amount")]
    pub input_usd_per_million_tokens: f64,
    /// What a million output tokens cost.
    #[serde(default, deserialize_with = "amount")]
    pub output_usd_per_million_tokens: f64,
    /// How long one try may take, from connecting to the last byte.
    #[serde(default = "timeout", deserialize_with = "some_time", serialize_with = "humantime_serde::serialize")]
    pub timeout: Duration,
    /// Tries of one call, the first included.
    #[serde(default = "max_tries", deserialize_with = "at_least_one")]
    pub max_tries: u32,
    /// The delay before the second try; it doubles from there.
    #[serde(default = "retry_delay", with = "humantime_serde")]
    pub retry_delay: Duration,
    /// The longest wait that a refusal may ask for (`Retry-After`, `x-ratelimit-reset-…`); a longer one passes the provider over.
    #[serde(default = "retry_after_cap", with = "humantime_serde")]
    pub retry_after_cap: Duration,
    /// No answer is longer.
    #[serde(default = "max_output_tokens", deserialize_with = "at_least_one")]
    pub max_output_tokens: u32,
    /// The sampling temperature; without it, the provider's own.
    #[serde(default, deserialize_with = "temperature_or_none")]
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

    /// What one call is reserved at: the prompt's tokens as estimated, an answer as long as it may be, and once more, because one try
    /// whose outcome is unknown may be repeated (RELIABILITY 19).
    pub fn reserved_usd(&self, prompt_tokens: f64, max_output_tokens: u32) -> f64 {
        let tries = if self.max_tries > 1 { 2.0 } else { 1.0 };
        tries * self.cost_usd(prompt_tokens, f64::from(max_output_tokens))
    }

    /// How much of an answer is read. A token is some characters, each six bytes at most in JSON; in a stream, each comes in an event.
    pub fn bounds(&self) -> Bounds {
        let tokens = usize::try_from(self.max_output_tokens).unwrap_or(usize::MAX);
        let sized =
            |bytes_per_token: usize| tokens.saturating_mul(bytes_per_token).saturating_add(ENVELOPE_BYTES).min(LONGEST_ANSWER_BYTES);
        Bounds { whole_bytes: sized(32), events_bytes: sized(640) }
    }
}

/// An amount of dollars: less than nothing would make a budget grow, and what is no number would switch it off.
fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    at_least_zero(f64::deserialize(deserializer)?, "amount of dollars")
}

fn amount_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::<f64>::deserialize(deserializer)?.map(|amount| at_least_zero(amount, "amount of dollars")).transpose()
}

fn temperature_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::<f64>::deserialize(deserializer)?.map(|temperature| at_least_zero(temperature, "temperature")).transpose()
}

fn at_least_zero<E: serde::de::Error>(number: f64, what: &str) -> Result<f64, E> {
    if number.is_finite() && number >= 0.0 { Ok(number) } else { Err(E::custom(format!("{number} is no {what}; it must be 0 or more"))) }
}

/// How long something may take; no time at all would switch it off in silence.
pub fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let time: Duration = humantime_serde::deserialize(deserializer)?;
    if time.is_zero() { Err(D::Error::custom("it must be more than 0 s")) } else { Ok(time) }
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = u32::deserialize(deserializer)?;
    if number == 0 { Err(D::Error::custom("it must be 1 or more")) } else { Ok(number) }
}

/// The tokens that a text is, from above: words in pieces of four letters, signs in pieces of two, digits alone, and what is beyond ASCII
/// at one and a half each. Tokenizers differ; none of the common ones makes more of ordinary text.
pub fn estimated_tokens(text: &str) -> f64 {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Run {
        Letters,
        Signs,
    }
    let (mut tokens, mut run, mut length) = (0.0, Run::Letters, 0_u32);
    let pieces = |run: Run, length: u32| f64::from(length.div_ceil(if run == Run::Letters { 4 } else { 2 }));
    for c in text.chars() {
        let kind = match c {
            'a'..='z' | 'A'..='Z' => Some(Run::Letters),
            c if c.is_ascii_punctuation() => Some(Run::Signs),
            _ => None,
        };
        if kind != Some(run) {
            tokens += pieces(run, length);
            length = 0;
        }
        match kind {
            Some(kind) => (run, length) = (kind, length + 1),
            None if c.is_ascii_digit() => tokens += 1.0,
            None if !c.is_ascii() => tokens += 1.5,
            None => {}
        }
    }
    tokens + pieces(run, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_estimated_from_above_and_not_by_far() {
        for (text, at_least) in [
            ("how hot is pluto", 4.0),
            ("add a dns record for wiki.lan pointing to 10.0.0.9 on gate", 20.0),
            (r#"{"type":"object","required":["host"],"properties":{"host":{"type":"string"}}}"#, 20.0),
            ("在服务器上设置横幅", 9.0),
        ] {
            let (estimated, bytes) = (estimated_tokens(text), f64::from(u32::try_from(text.len()).unwrap()));
            assert!(estimated >= at_least && estimated <= bytes / 1.9, "{text}: {estimated} of {bytes} bytes");
        }
        assert!(estimated_tokens("") < f64::EPSILON);
    }
}

//! What an operator says about a model provider.

use std::path::PathBuf;
use std::time::Duration;

use chiffon_protocol::money::MicroDollars;
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
    /// What it may cost in a calendar month, rounded down; without it, there is no limit.
    #[serde(default, deserialize_with = "limit_or_none")]
    pub monthly_budget_usd: Option<MicroDollars>,
    /// What a million input tokens cost, rounded up.
    #[serde(default, deserialize_with = "price")]
    pub input_usd_per_million_tokens: MicroDollars,
    /// What a million output tokens cost, rounded up.
    #[serde(default, deserialize_with = "price")]
    pub output_usd_per_million_tokens: MicroDollars,
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
    /// What tokens cost, rounded up.
    pub fn cost(&self, input_tokens: u64, output_tokens: u64) -> MicroDollars {
        let of = |tokens: u64, price: MicroDollars| u128::from(tokens) * u128::from(price.count().unsigned_abs());
        let per_million = of(input_tokens, self.input_usd_per_million_tokens) + of(output_tokens, self.output_usd_per_million_tokens);
        MicroDollars::new(i64::try_from(per_million.div_ceil(1_000_000)).unwrap_or(i64::MAX))
    }

    /// What one call is reserved at: the prompt's tokens as estimated, an answer as long as it may be, and once more, because one try
    /// whose outcome is unknown may be repeated (RELIABILITY 19).
    pub fn reserved(&self, prompt_tokens: u64, max_output_tokens: u32) -> MicroDollars {
        self.cost(prompt_tokens, u64::from(max_output_tokens)).times(self.reserved_tries())
    }

    /// So many tries are in what one call is reserved at.
    pub fn reserved_tries(&self) -> u32 {
        self.max_tries.clamp(1, 2)
    }

    /// How much of an answer is read. A token is some characters, each six bytes at most in JSON; in a stream, each comes in an event.
    pub fn bounds(&self) -> Bounds {
        let tokens = usize::try_from(self.max_output_tokens).unwrap_or(usize::MAX);
        let sized =
            |bytes_per_token: usize| tokens.saturating_mul(bytes_per_token).saturating_add(ENVELOPE_BYTES).min(LONGEST_ANSWER_BYTES);
        Bounds { whole_bytes: sized(32), events_bytes: sized(640) }
    }
}

/// Dollars: less than nothing would make a budget grow, and what is no number would switch it off.
fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MicroDollars, D::Error> {
    MicroDollars::price(f64::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn limit_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MicroDollars>, D::Error> {
    let limit = Option::<f64>::deserialize(deserializer)?.map(MicroDollars::limit);
    limit.transpose().map_err(D::Error::custom)
}

fn temperature_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    match Option::<f64>::deserialize(deserializer)? {
        Some(number) if !number.is_finite() || number < 0.0 => {
            Err(D::Error::custom(format!("{number} is no temperature; it must be 0 or more")))
        }
        other => Ok(other),
    }
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
pub fn estimated_tokens(text: &str) -> u64 {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Run {
        Letters,
        Signs,
    }
    let (mut halves, mut run, mut length) = (0, Run::Letters, 0_u64);
    let pieces = |run: Run, length: u64| 2 * length.div_ceil(if run == Run::Letters { 4 } else { 2 });
    for c in text.chars() {
        let kind = match c {
            'a'..='z' | 'A'..='Z' => Some(Run::Letters),
            c if c.is_ascii_punctuation() => Some(Run::Signs),
            _ => None,
        };
        if kind != Some(run) {
            halves += pieces(run, length);
            length = 0;
        }
        match kind {
            Some(kind) => (run, length) = (kind, length + 1),
            None if c.is_ascii_digit() => halves += 2,
            None if !c.is_ascii() => halves += 3,
            None => {}
        }
    }
    u64::div_ceil(halves + pieces(run, length), 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_estimated_from_above_and_not_by_far() {
        for (text, at_least) in [
            ("how hot is pluto", 4),
            ("add a dns record for wiki.lan pointing to 10.0.0.9 on gate", 20),
            (r#"{"type":"object","required":["host"],"properties":{"host":{"type":"string"}}}"#, 20),
            ("在服务器上设置横幅", 9),
        ] {
            let (estimated, bytes) = (estimated_tokens(text), text.len() as u64);
            assert!(estimated >= at_least && estimated * 19 <= bytes * 10, "{text}: {estimated} of {bytes} bytes");
        }
        assert_eq!(estimated_tokens(""), 0);
    }

    #[test]
    fn tokens_cost_whole_millionths_rounded_up() {
        let priced = |input: f64, output: f64| {
            let config = serde_json::json!({
                "name": "one", "base_url": "http://127.0.0.1:1/v1", "model": "m",
                "input_usd_per_million_tokens": input, "output_usd_per_million_tokens": output,
            });
            serde_json::from_value::<ProviderConfig>(config).unwrap()
        };
        assert_eq!(priced(3.0, 15.0).cost(1000, 100), MicroDollars::new(4_500));
        assert_eq!(priced(0.1, 0.2).cost(1_000_000, 1_000_000), MicroDollars::limit(0.3).unwrap());
        assert_eq!(priced(0.15, 0.6).cost(1, 0), MicroDollars::new(1));
        assert_eq!(priced(0.15, 0.6).reserved(2, 1).count(), 2);
        assert_eq!(priced(1e9, 1e9).cost(u64::MAX, u64::MAX), MicroDollars::new(i64::MAX));
        let shown = serde_json::to_value(priced(0.15, 0.6)).unwrap();
        assert_eq!((&shown["input_usd_per_million_tokens"], &shown["monthly_budget_usd"]), (&0.15.into(), &serde_json::Value::Null));
    }
}

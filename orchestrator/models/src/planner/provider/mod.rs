//! A model provider behind an OpenAI-compatible API: its configuration, its key, its breaker, and calls to it.

pub mod breaker;
pub mod call;
pub mod config;
pub mod http;
pub mod usage;
mod wait;
pub mod wire;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use chiffon_process::clock::Clock;
use chiffon_process::config::variable;
use chiffon_process::lifecycle::Shutdown;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};

use self::breaker::Breaker;
use self::call::{Ask, Called, Caller};
use self::config::{ProviderConfig, Structured};
use self::http::Transport;

/// Connecting may take this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A plan is seldom longer. A model that is cut off there is asked again with all of `max_output_tokens`, and from then on at once:
/// what is reserved stays near what a call costs.
const FIRST_OUTPUT_TOKENS: u32 = 1024;

/// A provider, ready to be called or knowing why not.
#[derive(Debug)]
pub struct Provider {
    /// What the operator says about it.
    pub config: ProviderConfig,
    /// Leaves it alone after failures.
    pub breaker: Breaker,
    client: Client<OpenAIConfig>,
    /// The form to which it holds answers, as far as is known.
    structured: Mutex<Structured>,
    /// How long answers may be, as far as is known.
    output_tokens: AtomicU32,
    /// Why it can't be called at all.
    unusable: Option<Problem>,
}

impl Provider {
    /// Reads its key and prepares its connection.
    pub fn new(config: ProviderConfig, clock: &Arc<dyn Clock>) -> Result<Self, Problem> {
        chiffon_process::telemetry::install_tls_provider();
        let invalid = |what: String| Problem::new(ErrorCode::ConfigInvalid, format!("`llm.providers`, `{}`: {what}", config.name));
        if config.name.trim().is_empty() || config.model.trim().is_empty() {
            return Err(invalid("`name` and `model` must not be empty".to_owned()));
        }
        let base_url = config.base_url.trim_end_matches('/');
        let url = reqwest::Url::parse(base_url).map_err(|error| invalid(format!("`base_url` is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("`base_url` must begin with http:// or https://".to_owned()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("chiffon/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| invalid(format!("no HTTP client: {error}")))?;
        let (key, unusable) = match key(&config) {
            Ok(key) => (key, None),
            Err(problem) => (String::new(), Some(problem)),
        };
        // Without these, async-openai would take the machine's OPENAI_* variables for every provider.
        let wire = OpenAIConfig::new().with_api_base(base_url).with_api_key(key).with_org_id("").with_project_id("");
        let client = Client::with_config(wire).with_http_service(Transport::new(http, config.bounds(), Arc::clone(clock)));
        let breaker = Breaker::new(config.breaker_failures, config.breaker_cool_down);
        let structured = Mutex::new(config.structured);
        let output_tokens = AtomicU32::new(config.max_output_tokens.min(FIRST_OUTPUT_TOKENS));
        Ok(Self { config, breaker, client, structured, output_tokens, unusable })
    }

    /// Why it can't be called at all, such as a missing key.
    pub fn unusable(&self) -> Option<&Problem> {
        self.unusable.as_ref()
    }

    /// How long an answer may be.
    pub fn output_tokens(&self) -> u32 {
        self.output_tokens.load(Ordering::Relaxed)
    }

    /// After an answer was cut off: whether a longer one may be asked for, now and from now on.
    pub fn allow_longer(&self) -> bool {
        self.output_tokens.swap(self.config.max_output_tokens, Ordering::Relaxed) < self.config.max_output_tokens
    }

    /// The body of a call.
    fn request(&self, ask: &Ask<'_>, structured: Structured) -> Value {
        let limit = if self.config.base_url.contains("api.openai.com") { "max_completion_tokens" } else { "max_tokens" };
        let mut request = json!({"model": self.config.model, "messages": ask.messages, "stream": self.config.stream});
        request[limit] = Value::from(ask.output_tokens);
        if let Some(temperature) = self.config.temperature {
            request["temperature"] = Value::from(temperature);
        }
        if self.config.stream {
            request["stream_options"] = json!({"include_usage": true});
        }
        match structured {
            Structured::JsonSchema => {
                request["response_format"] =
                    json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": ask.schema}});
            }
            Structured::JsonObject => request["response_format"] = json!({"type": "json_object"}),
            Structured::None => {}
        }
        request
    }

    fn structured(&self) -> Structured {
        *self.structured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn takes_only(&self, structured: Structured) {
        let mut known = self.structured.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != structured {
            tracing::warn!(provider = self.config.name, from = ?*known, to = ?structured, "the provider refuses a form of answers; `structured` says which it takes");
            *known = structured;
        }
    }

    /// Makes a call, with its retries.
    pub async fn call(&self, ask: &Ask<'_>, shutdown: &Shutdown) -> Called {
        Caller { provider: self, ask, shutdown }.call().await
    }
}

fn key(config: &ProviderConfig) -> Result<String, Problem> {
    let missing = |what: String| Problem::new(ErrorCode::ProviderRefused, format!("`{}` has no key: {what}", config.name));
    if let Some(path) = &config.api_key_file {
        let text = std::fs::read_to_string(path).map_err(|error| missing(format!("the file {} can't be read: {error}", path.display())))?;
        return Ok(text.trim().to_owned());
    }
    match &config.api_key_env {
        Some(name) => variable(name)
            .filter(|key| !key.trim().is_empty())
            .ok_or_else(|| missing(format!("the environment variable {name} is not set"))),
        None => Ok(String::new()),
    }
}

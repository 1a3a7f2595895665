//! A model provider behind an OpenAI-compatible API: its configuration, its key, its breaker, and calls to it.

pub mod answer;
pub mod breaker;
pub mod call;
pub mod config;
pub mod http;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use chiffon_process::clock::Clock;
use chiffon_process::config::variable;
use chiffon_process::lifecycle::Shutdown;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};

use self::breaker::Breaker;
use self::call::{Called, Caller};
use self::config::{ProviderConfig, Structured};
use self::http::Transport;

/// Connecting may take this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A provider, ready to be called or knowing why not.
#[derive(Debug)]
pub struct Provider {
    /// What the operator says about it.
    pub config: ProviderConfig,
    /// Leaves it alone after failures.
    pub breaker: Breaker,
    client: Client<OpenAIConfig>,
    /// Why it can't be called at all.
    unusable: Option<Problem>,
}

impl Provider {
    /// Reads its key and prepares its connection.
    pub fn new(config: ProviderConfig) -> Result<Self, Problem> {
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
        let client = Client::with_config(wire).with_http_service(Transport::new(http));
        let breaker = Breaker::new(config.breaker_failures, config.breaker_cool_down);
        Ok(Self { config, breaker, client, unusable })
    }

    /// Why it can't be called at all, such as a missing key.
    pub fn unusable(&self) -> Option<&Problem> {
        self.unusable.as_ref()
    }

    /// The body of a call.
    pub fn request(&self, messages: &[Value], schema: &Value) -> Value {
        let limit = if self.config.base_url.contains("api.openai.com") { "max_completion_tokens" } else { "max_tokens" };
        let mut request = json!({"model": self.config.model, "messages": messages, "stream": self.config.stream});
        request[limit] = Value::from(self.config.max_output_tokens);
        if let Some(temperature) = self.config.temperature {
            request["temperature"] = Value::from(temperature);
        }
        if self.config.stream {
            request["stream_options"] = json!({"include_usage": true});
        }
        match self.config.structured {
            Structured::JsonSchema => {
                request["response_format"] =
                    json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": schema}});
            }
            Structured::JsonObject => request["response_format"] = json!({"type": "json_object"}),
            Structured::None => {}
        }
        request
    }

    /// Makes a call, with its retries.
    pub async fn call(&self, request: &Value, clock: &Arc<dyn Clock>, shutdown: &Shutdown) -> Called {
        Caller { config: &self.config, client: &self.client, clock, shutdown }.call(request).await
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

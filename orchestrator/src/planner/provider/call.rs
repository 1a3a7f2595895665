//! One call to a model: tried again while that can help, and always knowing what it may have cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use chiffon_process::clock::Clock;
use chiffon_process::lifecycle::Shutdown;
use chiffon_process::retry::{Policy, Try, run};
use chiffon_protocol::{ErrorCode, Problem};
use futures::StreamExt as _;
use serde_json::Value;

use super::config::ProviderConfig;
use super::http::Refused;
use super::wire::{Completion, Usage};

/// What a call came to.
#[derive(Debug)]
pub struct Called {
    /// The answer's text, or why there is none.
    pub result: Result<String, Problem>,
    /// HTTP calls made.
    pub tries: u32,
    /// HTTP calls of which nobody knows whether they were charged.
    pub uncertain: u32,
    /// As the provider counted.
    pub usage: Option<Usage>,
}

/// Everything a call needs.
#[derive(Debug)]
pub struct Caller<'a> {
    /// The provider.
    pub config: &'a ProviderConfig,
    /// Its connection.
    pub client: &'a Client<OpenAIConfig>,
    /// For HTTP dates.
    pub clock: &'a Arc<dyn Clock>,
    /// Cuts waiting short.
    pub shutdown: &'a Shutdown,
}

/// Why one try failed.
struct Failure {
    problem: Box<Problem>,
    after: Option<Duration>,
    again: bool,
    uncertain: bool,
}

impl Caller<'_> {
    /// Makes the call, with its retries.
    pub async fn call(&self, request: &Value) -> Called {
        let (tries, uncertain) = (AtomicU32::new(0), AtomicU32::new(0));
        let policy = Policy {
            first: self.config.retry_delay,
            longest: self.config.retry_after_cap,
            within: None,
            tries: Some(self.config.max_tries),
        };
        let outcome = run(policy, self.shutdown, |_| async {
            tries.fetch_add(1, Ordering::Relaxed);
            let failure = match self.once(request).await {
                Ok(answer) => return Try::Done(answer),
                Err(failure) => failure,
            };
            let unknown = uncertain.fetch_add(u32::from(failure.uncertain), Ordering::Relaxed) + u32::from(failure.uncertain);
            let too_long = failure.after.is_some_and(|after| after > self.config.retry_after_cap);
            if failure.again && !too_long && unknown < 2 {
                Try::Again { error: *failure.problem, after: failure.after }
            } else {
                Try::Stop(*failure.problem)
            }
        })
        .await;
        let (result, usage) = match outcome {
            Ok((text, usage)) => (Ok(text), usage),
            Err(problem) => (Err(problem), None),
        };
        Called { result, tries: tries.into_inner(), uncertain: uncertain.into_inner(), usage }
    }

    async fn once(&self, request: &Value) -> Result<(String, Option<Usage>), Failure> {
        let answer = async { if self.config.stream { self.streamed(request).await } else { self.whole(request).await } };
        tokio::time::timeout(self.config.timeout, answer).await.unwrap_or_else(|_| {
            let message = format!("`{}` did not answer within {} s", self.config.name, self.config.timeout.as_secs_f64());
            Err(Failure { problem: Box::new(Problem::new(ErrorCode::ProviderTimeout, message)), after: None, again: true, uncertain: true })
        })
    }

    async fn whole(&self, request: &Value) -> Result<(String, Option<Usage>), Failure> {
        let completion: Completion = self.client.chat().create_byot(request).await.map_err(|error| self.failure(error))?;
        let Some(choice) = completion.choices.into_iter().next() else {
            return Err(self.invalid("the answer has no `choices`"));
        };
        let text = choice.message.unwrap_or_default().text();
        self.finished(choice.finish_reason.as_deref(), text, completion.usage)
    }

    async fn streamed(&self, request: &Value) -> Result<(String, Option<Usage>), Failure> {
        let mut chunks = self.client.chat().create_stream_byot::<_, Completion>(request).await.map_err(|error| self.failure(error))?;
        let (mut text, mut usage, mut finish) = (String::new(), None, None);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.failure(error))?;
            if let Some(error) = chunk.error {
                return Err(self.broken(&format!("the stream ended with an error: {error}")));
            }
            usage = chunk.usage.or(usage);
            if let Some(choice) = chunk.choices.into_iter().next() {
                text.push_str(&choice.delta.unwrap_or_default().text());
                finish = choice.finish_reason.or(finish);
            }
        }
        if finish.is_none() {
            return Err(self.broken("the stream ended before the answer did"));
        }
        self.finished(finish.as_deref(), text, usage)
    }

    fn finished(&self, reason: Option<&str>, text: String, usage: Option<Usage>) -> Result<(String, Option<Usage>), Failure> {
        if matches!(reason, Some("length" | "max_tokens")) {
            return Err(
                self.invalid(&format!("the answer was cut off at {} tokens; raise `max_output_tokens`", self.config.max_output_tokens))
            );
        }
        if text.trim().is_empty() {
            return Err(self.invalid(&format!("the answer has no text (it ended with `{}`)", reason.unwrap_or("nothing"))));
        }
        Ok((text, usage))
    }

    /// An answer that came and can't be read: it was charged, and asking the same again is no remedy.
    fn invalid(&self, what: &str) -> Failure {
        let problem = Problem::new(ErrorCode::ModelAnswerInvalid, format!("`{}`: {what}", self.config.name));
        Failure { problem: Box::new(problem), after: None, again: false, uncertain: true }
    }

    fn broken(&self, what: &str) -> Failure {
        let problem = Problem::new(ErrorCode::ProviderUnavailable, format!("`{}`: {what}", self.config.name));
        Failure { problem: Box::new(problem), after: None, again: true, uncertain: true }
    }

    fn failure(&self, error: OpenAIError) -> Failure {
        match error {
            OpenAIError::Boxed(error) => match error.downcast::<Refused>() {
                Ok(refused) => self.refusal(&refused),
                Err(error) => self.broken(&error.to_string()),
            },
            OpenAIError::Reqwest(error) if error.is_connect() => {
                let message = format!("`{}` can't be reached at {}: {}", self.config.name, self.config.base_url, root_cause(&error));
                Failure {
                    problem: Box::new(Problem::new(ErrorCode::ProviderUnavailable, message)),
                    after: None,
                    again: true,
                    uncertain: false,
                }
            }
            OpenAIError::Reqwest(error) if error.is_builder() => {
                let message = format!("`{}`: the request can't be made: {}; look at its `base_url`", self.config.name, root_cause(&error));
                Failure {
                    problem: Box::new(Problem::new(ErrorCode::ProviderRefused, message)),
                    after: None,
                    again: false,
                    uncertain: false,
                }
            }
            OpenAIError::Reqwest(error) => self.broken(&root_cause(&error)),
            OpenAIError::JSONDeserialize(error, content) => {
                let shown: String = content.chars().take(120).collect();
                self.invalid(&format!("the answer is not a chat completion ({error}): {shown}"))
            }
            other => self.broken(&other.to_string()),
        }
    }

    fn refusal(&self, refused: &Refused) -> Failure {
        let after = refused.wait(self.clock.now());
        let quota = refused.body.contains("insufficient_quota");
        let (code, again) = match refused.status {
            429 => (ErrorCode::ProviderRateLimited, !quota),
            408 | 409 | 425 | 500..=599 => (ErrorCode::ProviderUnavailable, true),
            _ => (ErrorCode::ProviderRefused, false),
        };
        let message = format!("`{}` answered with HTTP {}: {}", self.config.name, refused.status, refused.message());
        Failure { problem: Box::new(Problem::new(code, message)), after, again, uncertain: false }
    }
}

/// The innermost reason; the outer ones repeat the address.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

//! One call to a model: tried again while that can help, and always knowing what it may have cost.

use std::sync::Mutex;
use std::time::Duration;

use async_openai::error::OpenAIError;
use chiffon_process::lifecycle::Shutdown;
use chiffon_process::retry::{Policy, Try, run};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::Value;

use super::Provider;
use super::config::Structured;
use super::http::{self, NoAnswer};
use super::usage::Meter;
use super::wire::Heard;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The conversation.
    pub messages: &'a [Value],
    /// The form of an answer.
    pub schema: &'a Value,
    /// No answer is longer.
    pub output_tokens: u32,
    /// The most tokens that the prompt can be.
    pub most_input_tokens: u64,
    /// When it must be over, retries and waiting included.
    pub within: Duration,
}

/// What a call came to.
#[derive(Debug)]
pub struct Called {
    /// The answer's text, or why there is none.
    pub result: Result<String, Problem>,
    /// HTTP calls made.
    pub tries: u32,
    /// What they took.
    pub meter: Meter,
    /// Whether a longer answer would have been one.
    pub was_cut: bool,
}

/// Everything a call needs.
#[derive(Debug)]
pub struct Caller<'a> {
    /// Whom to call.
    pub provider: &'a Provider,
    /// What to ask.
    pub ask: &'a Ask<'a>,
    /// Cuts waiting short.
    pub shutdown: &'a Shutdown,
}

/// Why one try failed.
struct Failure {
    problem: Box<Problem>,
    after: Option<Duration>,
    remedy: Remedy,
    /// Whether the try may have been charged without saying how much.
    uncertain: bool,
    was_cut: bool,
}

/// What can help after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// Nothing.
    None,
    /// The same again.
    Again,
    /// A weaker form of answers.
    WeakerForm,
}

impl Failure {
    fn new(code: ErrorCode, message: String) -> Self {
        Self { problem: Box::new(Problem::new(code, message)), after: None, remedy: Remedy::None, uncertain: false, was_cut: false }
    }
}

/// What the tries of one call have come to so far.
#[derive(Debug, Default)]
struct Tally {
    tries: u32,
    meter: Meter,
    was_cut: bool,
}

impl Caller<'_> {
    /// Makes the call, with its retries.
    pub async fn call(&self) -> Called {
        let config = &self.provider.config;
        let begun = tokio::time::Instant::now();
        let tally = Mutex::new(Tally::default());
        let longest_wait = config.retry_after_cap.min(self.ask.within);
        let policy = Policy {
            first: config.retry_delay,
            longest: config.retry_after_cap,
            within: Some(self.ask.within),
            tries: Some(config.max_tries),
        };
        let result = run(policy, self.shutdown, |_| async {
            let left = self.ask.within.saturating_sub(begun.elapsed());
            let failure = match self.stepping_down(&tally, left).await {
                Ok(text) => return Try::Done(text),
                Err(failure) => failure,
            };
            let unknown = {
                let mut tally = lock(&tally);
                tally.was_cut = failure.was_cut;
                tally.meter.uncertain
            };
            let too_long = failure.after.is_some_and(|after| after > longest_wait);
            if failure.remedy == Remedy::Again && !too_long && unknown < 2 && begun.elapsed() < self.ask.within {
                Try::Again { error: *failure.problem, after: failure.after }
            } else {
                Try::Stop(*failure.problem)
            }
        })
        .await;
        let Tally { tries, meter, was_cut } = tally.into_inner().unwrap_or_default();
        Called { was_cut: was_cut && result.is_err(), result, tries, meter }
    }

    /// One try; where the form of answers may be what is refused, with the next weaker one at once.
    async fn stepping_down(&self, tally: &Mutex<Tally>, left: Duration) -> Result<String, Failure> {
        let mut structured = self.provider.structured();
        let mut first_refusal = None;
        loop {
            lock(tally).tries += 1;
            let failure = match self.once(structured, tally, left).await {
                Ok(text) => {
                    self.provider.takes_only(structured);
                    return Ok(text);
                }
                Err(failure) => failure,
            };
            match structured.weaker().filter(|_| failure.remedy == Remedy::WeakerForm) {
                Some(weaker) => {
                    structured = weaker;
                    first_refusal.get_or_insert(failure);
                }
                // What every form is refused for is no matter of the form.
                None if failure.remedy == Remedy::WeakerForm => return Err(first_refusal.unwrap_or(failure)),
                None => return Err(failure),
            }
        }
    }

    async fn once(&self, structured: Structured, tally: &Mutex<Tally>, left: Duration) -> Result<String, Failure> {
        let within = self.provider.config.timeout.min(left);
        let request = self.provider.request(self.ask, structured);
        let chat = self.provider.client.chat();
        let answered = tokio::time::timeout(within, chat.create_byot::<_, Heard>(&request)).await;
        let outcome = match answered {
            Ok(Ok(heard)) => {
                let mut tally = lock(tally);
                if !tally.meter.count(heard.usage, self.ask) {
                    tally.meter.uncertain += 1;
                }
                self.read(heard).map_err(|failure| Failure { uncertain: false, ..failure })
            }
            Ok(Err(error)) => Err(self.failure(error)),
            Err(_) => {
                let what = if within < self.provider.config.timeout { "what was left of `llm.round_within`, " } else { "" };
                let message = format!("`{}` did not answer within {what}{:.1} s", self.provider.config.name, within.as_secs_f64());
                Err(Failure { remedy: Remedy::Again, uncertain: true, ..Failure::new(ErrorCode::ProviderTimeout, message) })
            }
        };
        if outcome.as_ref().is_err_and(|failure| failure.uncertain) {
            lock(tally).meter.uncertain += 1;
        }
        outcome
    }

    /// The text of an answer, or what it is instead. Whatever it is, it was charged.
    fn read(&self, heard: Heard) -> Result<String, Failure> {
        let name = &self.provider.config.name;
        if let Some(words) = &heard.error {
            return Err(self.broken(&format!("the answer is an error: {}", http::one_line(words))));
        }
        let Some(reason) = heard.ended.as_deref() else { return Err(self.broken("the stream ended before the answer did")) };
        if !heard.answered {
            return Err(self.invalid("the answer has no `choices`"));
        }
        if matches!(reason, "length" | "max_tokens") {
            let what = format!("the answer was cut off at {} tokens; raise `max_output_tokens`", self.ask.output_tokens);
            return Err(Failure { was_cut: true, ..self.invalid(&what) });
        }
        let filtered = matches!(reason, "content_filter" | "refusal" | "safety" | "SAFETY");
        if filtered || !heard.refusal.trim().is_empty() {
            let said = if heard.refusal.trim().is_empty() { &heard.text } else { &heard.refusal };
            let said = http::one_line(said);
            let said = if said.is_empty() { format!("without a word (it ended with `{}`)", http::one_line(reason)) } else { said };
            return Err(Failure::new(ErrorCode::ModelDeclined, format!("`{name}` declined: {said}")));
        }
        let text = if heard.text.trim().is_empty() { heard.called_with } else { heard.text };
        if text.trim().is_empty() {
            let reason = if reason.is_empty() { "nothing" } else { reason };
            return Err(self.invalid(&format!("the answer has no text (it ended with `{}`)", http::one_line(reason))));
        }
        Ok(text)
    }

    /// An answer that came and can't be read: asking the same again is no remedy.
    fn invalid(&self, what: &str) -> Failure {
        Failure { uncertain: true, ..Failure::new(ErrorCode::ModelAnswerInvalid, format!("`{}`: {what}", self.provider.config.name)) }
    }

    fn broken(&self, what: &str) -> Failure {
        let message = format!("`{}`: {what}", self.provider.config.name);
        Failure { remedy: Remedy::Again, uncertain: true, ..Failure::new(ErrorCode::ProviderUnavailable, message) }
    }

    fn failure(&self, error: OpenAIError) -> Failure {
        let config = &self.provider.config;
        match error {
            OpenAIError::Boxed(error) => match error.downcast::<NoAnswer>() {
                Ok(why) => self.no_answer(*why),
                Err(error) => self.broken(&http::one_line(&error.to_string())),
            },
            OpenAIError::Reqwest(error) if error.is_connect() => {
                let message = format!("`{}` can't be reached at {}: {}", config.name, config.base_url, root_cause(&error));
                Failure { remedy: Remedy::Again, ..Failure::new(ErrorCode::ProviderUnavailable, message) }
            }
            OpenAIError::Reqwest(error) if error.is_builder() => {
                let message = format!("`{}`: the request can't be made: {}; look at its `base_url`", config.name, root_cause(&error));
                Failure::new(ErrorCode::ProviderRefused, message)
            }
            OpenAIError::Reqwest(error) => self.broken(&root_cause(&error)),
            other => self.broken(&http::one_line(&other.to_string())),
        }
    }

    fn no_answer(&self, why: NoAnswer) -> Failure {
        let name = &self.provider.config.name;
        match why {
            NoAnswer::Refused { status, wait, body } => {
                let quota = body.contains("insufficient_quota");
                let (code, remedy) = match status {
                    429 if quota => (ErrorCode::ProviderRateLimited, Remedy::None),
                    429 => (ErrorCode::ProviderRateLimited, Remedy::Again),
                    408 | 409 | 425 | 500 | 502..=599 => (ErrorCode::ProviderUnavailable, Remedy::Again),
                    400 | 422 | 501 => (ErrorCode::ProviderRefused, Remedy::WeakerForm),
                    _ => (ErrorCode::ProviderRefused, Remedy::None),
                };
                let message = format!("`{name}` answered with HTTP {status}: {}", http::message(&body));
                Failure { after: wait, remedy, ..Failure::new(code, message) }
            }
            NoAnswer::TooLong { most_bytes } => {
                let message = format!("`{name}`: the answer is longer than {most_bytes} bytes; it was read no further");
                Failure { uncertain: true, ..Failure::new(ErrorCode::AnswerTooLong, message) }
            }
            unreadable @ NoAnswer::Unreadable { .. } => self.invalid(&unreadable.to_string()),
        }
    }
}

fn lock(tally: &Mutex<Tally>) -> std::sync::MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The innermost reason; the outer ones repeat the address.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    http::one_line(&cause.to_string())
}

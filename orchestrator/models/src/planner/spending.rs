//! What a call may cost before it is made, and what it is recorded as after it.

use chiffon_protocol::money::MicroDollars;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::Value;

use super::ledger::{Reservation, Settlement};
use super::provider::Provider;
use super::provider::call::Called;
use super::provider::config::estimated_tokens;

/// What stands around each message, in tokens.
const TOKENS_AROUND: u64 = 8;
/// Providers put words of their own before a prompt.
const TOKENS_BEFORE: u64 = 2_000;
/// No answer is kept longer.
const KEPT_ANSWER_CHARS: usize = 16_000;

/// How many tokens a prompt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prompt {
    /// About so many, and hardly more.
    pub estimated_tokens: u64,
    /// No more than these: every byte a token.
    pub most_tokens: u64,
}

impl Prompt {
    /// Of these messages, with the schema that goes with them.
    pub fn new(messages: &[Value], schema: &Value) -> Self {
        let schema = schema.to_string();
        let texts = messages.iter().filter_map(|message| message["content"].as_str()).chain([schema.as_str()]);
        let start = Self { estimated_tokens: 0, most_tokens: TOKENS_BEFORE };
        texts.fold(start, |prompt, text| Self {
            estimated_tokens: prompt.estimated_tokens + TOKENS_AROUND + estimated_tokens(text),
            most_tokens: prompt.most_tokens + TOKENS_AROUND + u64::try_from(text.len()).unwrap_or(u64::MAX),
        })
    }
}

/// Why a call does not fit what may be spent on its request.
pub fn over_budget(reservation: &Reservation, left: Option<MicroDollars>) -> Option<Problem> {
    let left = left?;
    (reservation.worst_case > left).then(|| {
        let message = format!(
            "a call to `{}` could cost ${}, and ${left} of the request's budget is left; raise `max_cost_usd`",
            reservation.provider, reservation.worst_case
        );
        Problem::new(ErrorCode::BudgetSpent, message)
    })
}

/// What a call is recorded as. A try of unknown outcome counts as spent in full, and so does one that does not say what it took.
pub fn settlement(
    provider: &Provider,
    reservation: &Reservation,
    called: &Called,
    read: Option<(&str, Option<&Vec<Problem>>)>,
) -> Settlement {
    let meter = &called.meter;
    let one_try = reservation.worst_case.share_of(provider.config.reserved_tries());
    let counted = provider.config.cost(meter.input_tokens, meter.output_tokens);
    let is_counted = meter.counted > 0;
    let error = match (&called.result, read) {
        (Err(problem), _) => Some(problem.clone()),
        (Ok(_), Some((_, Some(problems)))) => problems.first().cloned(),
        _ => None,
    };
    let state = match (&called.result, &error) {
        (Ok(_), None) => "succeeded",
        (Ok(_), Some(_)) => "invalid",
        (Err(problem), _)
            if matches!(problem.code, ErrorCode::ModelAnswerInvalid | ErrorCode::AnswerTooLong | ErrorCode::ModelDeclined) =>
        {
            "invalid"
        }
        (Err(_), _) if meter.uncertain > 0 => "uncertain",
        (Err(_), _) => "failed",
    };
    let tokens = |count: u64| is_counted.then(|| i64::try_from(count).unwrap_or(i64::MAX));
    let doubt = meter.doubted.as_ref().map(|doubt| {
        Problem::new(ErrorCode::UsageNotBelieved, format!("the usage of `{}` is not believed: {doubt}", provider.config.name))
    });
    Settlement {
        state,
        tries: called.tries,
        // Never more than was reserved: a budget that allowed the call can't be passed by it.
        cost: (counted + one_try.times(meter.uncertain)).min(reservation.worst_case),
        input_tokens: tokens(meter.input_tokens),
        output_tokens: tokens(meter.output_tokens),
        answer: read.filter(|_| state == "invalid").map(|(text, _)| text.chars().take(KEPT_ANSWER_CHARS).collect()),
        error: error.or(doubt),
    }
}

//! Asking: a request is stored with its first words, or with the action that is asked for without any, and a planner is called.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::credential::address_with_password;
use chiffon_kernel::domain::missing;
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::domain::waiting::{Wait, What};
use chiffon_kernel::store::idempotency;
use chiffon_kernel::verbs::work::Work;
use chiffon_process::shown;
use chiffon_process::traces::{Kind, Span, SpanId};
use chiffon_protocol::money::MicroDollars;
use chiffon_protocol::shown::is_deceptive;
use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, Datelike as _, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Context, direct, open_requests, transition};
use crate::domain::asked_action::AskedAction;
use crate::domain::origin::Origin;
use crate::domain::permissions::REQUESTS_ASK;
use crate::domain::request::{STREAM, Status};
use crate::store::request_messages::{self, Message};
use crate::store::requests;

/// Priorities lie between minus and plus this.
const MOST_PRIORITY: i32 = 100;

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Submit {
    /// The words; empty where an action is asked for.
    pub text: String,
    /// An action by its name, instead of words.
    pub action: Option<AskedAction>,
    /// Groups requests of one chat.
    pub conversation_id: Option<Uuid>,
    /// When the asker has no more use for it.
    pub deadline: Option<DateTime<Utc>>,
    /// The most that it may cost, in dollars.
    pub max_cost_usd: Option<f64>,
    /// Higher goes first, from -100 to 100.
    pub priority: Option<i32>,
    /// The caller's W3C trace id; a new one when it is absent or not one.
    pub trace_id: Option<String>,
    /// The call or message by which it came, where that is a span of the same trace.
    pub asked_by: Option<SpanId>,
    /// The key under which the caller repeats the call; its reservation is answered together with what it asks for.
    pub idempotency_key: Option<String>,
    /// The message by which it came over AMQP; it is noted together with what it asks for.
    pub message: Option<Message>,
    /// What asks by itself, in the name of the principal; `None` where they ask. No caller from outside says it.
    pub origin: Option<Origin>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Submitted {
    /// The request's id.
    pub request_id: Uuid,
    /// Where it stands.
    pub status: Status,
    /// The trace of all that follows.
    pub trace_id: String,
}

/// Stores the request and calls a planner.
pub async fn run(context: &Context, principal: &Principal, input: Submit) -> Result<Submitted, Problem> {
    may_ask(principal)?;
    let text = match &input.action {
        None => checked_text(context, &input.text)?,
        Some(asked) => direct::checked(context, principal, asked).await?,
    };
    let priority = checked_priority(input.priority)?;
    let max_cost = checked_cost(input.max_cost_usd)?;
    checked_deadline(context, input.deadline)?;
    let trace_id = input.trace_id.filter(|id| is_trace_id(id)).unwrap_or_else(|| context.ids.new_trace_id());
    let now = context.clock.now();
    let origin = input.origin.unwrap_or_else(|| Origin::person(principal.id));
    let waiting_for = Wait::new(What::Planner, "a planner reads it").since(now);
    let new = requests::New {
        id: context.ids.new_id(),
        principal_id: principal.id,
        origin: &origin,
        conversation_id: input.conversation_id,
        text: &text,
        action: input.action.as_ref(),
        trace_id: &trace_id,
        priority,
        deadline: input.deadline,
        max_cost,
        waiting_for: &waiting_for,
        resend_at: now,
        deadline_at: transition::deadline_of(context, Status::Planning),
    };
    let mut work = context.begin().await?;
    open_requests::check(context, &mut work, principal).await?;
    requests::add(&mut work, &new, now).await?;
    work.open(new.id, STREAM);
    let row = requests::lock(&mut work, new.id).await?.ok_or_else(|| missing::request(new.id))?;
    let mut data = json!({"text": text, "priority": priority, "trace_id": trace_id, "origin": origin});
    if let Some(asked) = &input.action {
        data["action"] = json!(asked);
    }
    if let Some(message) = &input.message {
        data["message_id"] = json!(message.id);
    }
    let event = AuditEvent::new(&principal.name, "request.submitted", data);
    work.audit(new.id, event);
    transition::say(&mut work, &row, Some(principal.id), &text).await?;
    transition::tell(&mut work, &row, None);
    work.wake_planner();
    keep_answer(&mut work, principal, input.idempotency_key.as_deref(), &json!({"request_id": new.id})).await?;
    if let Some(message) = &input.message
        && !request_messages::add(&mut work, principal.id, message, new.id, now).await?
    {
        let message = format!("message {} is being taken in a second time; it is not done again", message.id);
        return Err(Problem::new(ErrorCode::CallUnderWay, message));
    }
    work.commit().await?;
    context.traces.add(&trace_id, || {
        Span::new(SpanId::of_request(new.id), Kind::Internal, "request", now, context.clock.now())
            .under(input.asked_by)
            .with("chiffon.request.id", new.id)
            .with("chiffon.request.origin", origin.kind())
            .with("chiffon.request.priority", priority)
            .with("chiffon.principal", principal.name.as_str())
    });
    Ok(Submitted { request_id: new.id, status: row.status, trace_id })
}

/// Answers a reserved call (202) in the transaction that does it, so that nobody who repeats it does it again.
pub async fn keep_answer(work: &mut Work, principal: &Principal, key: Option<&str>, answer: &Value) -> Result<(), Problem> {
    let Some(key) = key else { return Ok(()) };
    if idempotency::answer(work, principal.id, key, 202, answer).await? {
        return Ok(());
    }
    let message = "this call was held up for so long that its repetition was answered; it is not done again";
    Err(Problem::new(ErrorCode::CallUnderWay, message))
}

/// Refuses who may only look. Whether they may ask for the very plan is looked at when it is made.
pub fn may_ask(principal: &Principal) -> Result<(), Problem> {
    principal.check_somewhere(&REQUESTS_ASK)
}

/// The words without surrounding space, unless there are none that can be seen, or too many, or a password is among them. NUL, which means nothing in words and which
/// Postgres can't store, is left out.
pub fn checked_text(context: &Context, text: &str) -> Result<String, Problem> {
    let text = text.replace('\0', "").trim().to_owned();
    if !text.chars().any(|c| !c.is_whitespace() && !is_deceptive(c)) {
        return Err(Problem::new(ErrorCode::EmptyText, "the text is empty; say what should be done, such as \"Deploy Kuma to nas\""));
    }
    let (chars, most) = (text.chars().count(), context.settings.max_text_chars);
    if chars > most {
        let message = format!("the text has {chars} characters; {most} are allowed (`planning.max_text_chars`), so say it shorter");
        return Err(Problem::new(ErrorCode::TextTooLong, message).with_details(json!({"characters": chars, "most": most})));
    }
    if let Some(address) = address_with_password(&text) {
        let message = format!(
            "the text holds a password, in the address `{address}`; what is said is kept for good, in the database and in the audit trail, \
             so nothing was taken. Say the address without the password"
        );
        return Err(Problem::new(ErrorCode::PasswordInText, message).with_details(json!({"address": address})));
    }
    Ok(text)
}

/// The same for words that may be left out.
pub fn checked_reason(context: &Context, text: Option<&str>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if !text.replace('\0', "").trim().is_empty() => checked_text(context, text).map(Some),
        Some(_) | None => Ok(None),
    }
}

fn checked_priority(priority: Option<i32>) -> Result<i32, Problem> {
    let priority = priority.unwrap_or(0);
    if (-MOST_PRIORITY..=MOST_PRIORITY).contains(&priority) {
        return Ok(priority);
    }
    let message = format!("`priority` is {priority}; it lies between -{MOST_PRIORITY} and {MOST_PRIORITY}");
    Err(Problem::new(ErrorCode::InvalidParameters, message).with_details(json!({"field": "priority"})))
}

/// What is finer than a millionth of a dollar is rounded down: no more is spent than was said.
fn checked_cost(max_cost_usd: Option<f64>) -> Result<Option<MicroDollars>, Problem> {
    max_cost_usd.map(MicroDollars::limit).transpose().map_err(|refused| {
        Problem::new(ErrorCode::InvalidParameters, format!("`max_cost_usd`: {refused}")).with_details(json!({"field": "max_cost_usd"}))
    })
}

fn checked_deadline(context: &Context, deadline: Option<DateTime<Utc>>) -> Result<(), Problem> {
    match deadline {
        Some(at) if at <= context.clock.now() => {
            let message = format!("`deadline` is {}, which has passed; name a time to come, or none", shown(at));
            Err(Problem::new(ErrorCode::InvalidParameters, message).with_details(json!({"field": "deadline"})))
        }
        // RFC 3339 has four digits for the year.
        Some(at) if at.year() > 9999 => {
            let message = "`deadline` is past the year 9999; name an earlier time, or none";
            Err(Problem::new(ErrorCode::InvalidParameters, message).with_details(json!({"field": "deadline"})))
        }
        _ => Ok(()),
    }
}

fn is_trace_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) && id.bytes().any(|byte| byte != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_w3c_trace_ids_are_taken_over() {
        assert!(is_trace_id("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert!(!is_trace_id("00000000000000000000000000000000"));
        assert!(!is_trace_id("4BF92F3577B34DA6A3CE929D0E0E4736"));
        assert!(!is_trace_id("4bf92f"));
    }

    #[test]
    fn costs_and_priorities_have_bounds() {
        assert_eq!(checked_priority(None), Ok(0));
        assert_eq!(checked_priority(Some(101)).unwrap_err().code, ErrorCode::InvalidParameters);
        assert_eq!(checked_cost(Some(-0.1)).unwrap_err().code, ErrorCode::InvalidParameters);
        assert_eq!(checked_cost(Some(f64::NAN)).unwrap_err().code, ErrorCode::InvalidParameters);
        assert_eq!(checked_cost(Some(1e300)).unwrap_err().details["field"], "max_cost_usd");
        assert_eq!(checked_cost(Some(0.0)), Ok(Some(MicroDollars::ZERO)));
        assert_eq!(checked_cost(Some(0.123_456_78)), Ok(Some(MicroDollars::new(123_456))));
        assert_eq!(checked_cost(None), Ok(None));
    }
}

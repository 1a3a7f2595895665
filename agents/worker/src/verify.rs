//! What counts of what comes in: signed by a trusted orchestrator, for this recipient, not expired, and readable.

use chiffon_bus::{Delivery, Verdict};
use chiffon_process::shown;
use chiffon_protocol::signature::{self, SignatureError};
use chiffon_protocol::{Envelope, ErrorCode, Message};

use super::shared::Shared;

/// The delivery's message, or the verdict for what does not count.
pub(super) fn verified(shared: &Shared, delivery: &Delivery, to: &str) -> Result<Envelope, Verdict> {
    let header = delivery.headers.get(signature::HEADER).map(String::as_str);
    let ring = &shared.options.orchestrator_keys;
    signature::verify(ring, header, to, &delivery.body, shared.clock.now()).map_err(|error| {
        tracing::warn!(queue = delivery.queue, message_id = delivery.message_id, %error, "a message does not count and goes to the dead letters");
        Verdict::Reject { code: ErrorCode::SignatureInvalid.number(), reason: error.to_string() }
    })?;
    Envelope::parse(&delivery.body).map_err(|error| {
        tracing::warn!(queue = delivery.queue, message_id = delivery.message_id, %error, "a message can't be read and goes to the dead letters");
        Verdict::Reject { code: error.code().number(), reason: error.to_string() }
    })
}

/// Authentic work that counted until a time which has passed by this machine's clock, and why it is not done.
pub(super) fn late_work(shared: &Shared, delivery: &Delivery, to: &str) -> Option<(Envelope, String)> {
    let header = delivery.headers.get(signature::HEADER).map(String::as_str);
    let now = shared.clock.now();
    let verified = signature::verify(&shared.options.orchestrator_keys, header, to, &delivery.body, now);
    let Err(SignatureError::Expired { expired }) = verified else { return None };
    let envelope = Envelope::parse(&delivery.body).ok().filter(|envelope| matches!(envelope.message, Message::WorkRequest(_)))?;
    let (expired, said) = (shown(expired), shown(now));
    let reason = format!(
        "the offer counted until {expired}, and this agent's clock says {said}: either it lay in its queue for so long, or the clock of \
         this agent's machine is wrong; compare it with the orchestrator's, and set it right (NTP)"
    );
    Some((envelope, reason))
}

/// The verdict for a readable message that does not belong on this queue.
pub(super) fn misplaced(envelope: &Envelope, queue: &str) -> Verdict {
    let reason = format!("`{}` does not belong on `{queue}`", envelope.message.type_name());
    Verdict::Reject { code: ErrorCode::InvalidMessage.number(), reason }
}

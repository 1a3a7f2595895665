//! What counts of what comes in: signed by a trusted orchestrator, for this recipient, not expired, and readable.

use chiffon_bus::{Delivery, Verdict};
use chiffon_protocol::{Envelope, ErrorCode, signature};

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

/// The verdict for a readable message that does not belong on this queue.
pub(super) fn misplaced(envelope: &Envelope, queue: &str) -> Verdict {
    let reason = format!("`{}` does not belong on `{queue}`", envelope.message.type_name());
    Verdict::Reject { code: ErrorCode::InvalidMessage.number(), reason }
}

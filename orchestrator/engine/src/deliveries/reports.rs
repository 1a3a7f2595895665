//! What agents report of work: verified like everything, or admitted without a signature by configuration (RELIABILITY 5).

use chiffon_bus::{Delivery, Verdict};
use chiffon_kernel::deliveries::{Received, received};
use chiffon_protocol::{Envelope, Problem, signature};

use crate::verbs::{Context, unverified};

/// A report, verified and read; one without any signature counts where its sender is admitted by configuration.
pub(crate) async fn received_report(context: &Context, delivery: &Delivery, queue: &str) -> Result<Result<Received, Verdict>, Problem> {
    let is_signed = delivery.headers.contains_key(signature::HEADER);
    if !is_signed
        && !context.settings.unverified.is_empty()
        && let Ok(Envelope { message_id, trace_id, request_id, timestamp, message }) = Envelope::parse(&delivery.body)
        && let Some((signer, message)) = unverified::admitted(context, message).await?
    {
        let envelope = Envelope { message_id, trace_id, request_id, timestamp, message };
        return Ok(Ok(Received { signer, envelope }));
    }
    Ok(received(context, delivery, queue))
}

//! Deliveries under a key that nobody has enrolled: hellos and heartbeats are counted per agent instead of dead-lettered each.

use chiffon_bus::Delivery;
use chiffon_kernel::deliveries::signer;
use chiffon_kernel::store;
use chiffon_protocol::key::{Keyring, PublicKey};
use chiffon_protocol::signature::{self, SignatureError};
use chiffon_protocol::{Envelope, Message};

use crate::verbs::Context;
use crate::verbs::heartbeat::HelloRequests;
use crate::verbs::stranger::{self, Stranger};

/// Deals with a delivery that came under an unknown key; `false` when it is nothing of this kind.
pub(super) async fn take(context: &Context, hellos: &HelloRequests, delivery: &Delivery, queue: &str) -> Result<bool, store::Error> {
    let Err(SignatureError::UnknownKey { kid }) = signer::of(context, &context.agents, delivery, queue) else { return Ok(false) };
    let Ok(envelope) = Envelope::parse(&delivery.body) else { return Ok(false) };
    match envelope.message {
        Message::AgentHello(hello) => {
            stranger::hello(context, Stranger { key_id: &kid, key: own_key(delivery, queue) }, &hello).await?;
            Ok(true)
        }
        Message::Heartbeat(beat) => {
            stranger::heartbeat(context, hellos, &kid, &beat).await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The key that the message brings along, if it is the one that signed it.
fn own_key(delivery: &Delivery, queue: &str) -> Option<PublicKey> {
    let key: PublicKey = delivery.headers.get(signature::KEY_HEADER)?.parse().ok()?;
    let header = delivery.headers.get(signature::HEADER).map(String::as_str);
    signature::verify_whenever(&Keyring::new([key]), header, queue, &delivery.body).is_ok().then_some(key)
}

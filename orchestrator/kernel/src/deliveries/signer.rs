//! Whose message a delivery is. A signature that has expired counts where an orchestrator sends the message again and says so
//! with a signature of its own; the sender's must fit all the same.

use chiffon_bus::Delivery;
use chiffon_protocol::key::Keyring;
use chiffon_protocol::signature::{self, SignatureError};

use crate::verbs::Context;

/// The id of the key in `ring` that signed a delivery for `queue`.
pub fn of<'r>(context: &Context, ring: &'r Keyring, delivery: &Delivery, queue: &str) -> Result<&'r str, SignatureError> {
    let header = |name: &str| delivery.headers.get(name).map(String::as_str);
    let now = context.clock.now();
    match signature::verify(ring, header(signature::HEADER), queue, &delivery.body, now) {
        Err(expired @ SignatureError::Expired { .. }) => {
            let own = Keyring::new([context.key.public()]);
            let again = signature::again(queue);
            match signature::verify(&own, header(signature::AGAIN_HEADER), &again, &delivery.body, now) {
                Ok(_) => signature::verify_whenever(ring, header(signature::HEADER), queue, &delivery.body).map(|(key_id, _)| key_id),
                Err(_) => Err(expired),
            }
        }
        verified => verified,
    }
}

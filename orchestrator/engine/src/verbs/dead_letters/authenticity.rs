//! Who really signed a message, whether or not the signature still counts. Late is not forged: only what is forged can never
//! be brought into effect again.

use std::collections::BTreeMap;

use chiffon_fleet::store::agents;
use chiffon_kernel::store::{self, principal_keys};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::key::Keyring;
use chiffon_protocol::signature::{self, SignatureError};
use chiffon_protocol::topology::{ORIGIN_HEADER, REQUESTS};
use chrono::{DateTime, Utc};

use crate::verbs::Context;

/// Who signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer<'r> {
    /// An orchestrator of this installation.
    Orchestrator,
    /// The owner of a key that is enrolled here: an agent.
    Enrolled(&'r str),
    /// A principal, by its key.
    Principal(&'r str),
}

/// A signature that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authentic<'r> {
    /// Who signed.
    pub signer: Signer<'r>,
    /// Until when that counts by itself.
    pub expires: DateTime<Utc>,
}

/// Checks the signature of a letter for the queue it came from, all but its expiry. Keys of `principals` count for requests only.
pub fn check<'c>(
    context: &'c Context,
    principals: &'c Keyring,
    headers: &BTreeMap<String, String>,
    body: &[u8],
) -> Result<Authentic<'c>, SignatureError> {
    let header = headers.get(signature::HEADER).map(String::as_str);
    let to = recipient(headers.get(ORIGIN_HEADER).map_or("", String::as_str));
    if to == REQUESTS
        && let Ok((key_id, expires)) = signature::verify_whenever(principals, header, to, body)
    {
        return Ok(Authentic { signer: Signer::Principal(key_id), expires });
    }
    match signature::verify_whenever(&context.agents, header, to, body) {
        Ok((key_id, expires)) => Ok(Authentic { signer: Signer::Enrolled(key_id), expires }),
        Err(error @ SignatureError::UnknownKey { .. }) => {
            let own = Keyring::new([context.key.public()]);
            let (_, expires) = signature::verify_whenever(&own, header, to, body).map_err(|own| match own {
                SignatureError::UnknownKey { .. } => error,
                other => other,
            })?;
            Ok(Authentic { signer: Signer::Orchestrator, expires })
        }
        Err(error) => Err(error),
    }
}

/// Whom a message on a queue has to name: on a control queue its agent, else the queue.
fn recipient(queue: &str) -> &str {
    queue.strip_prefix("agent.control.").and_then(|rest| rest.rsplit_once('.')).map_or(queue, |(agent_id, _)| agent_id)
}

/// The signer's name, as records show it; the key's id for one that has never said hello.
pub async fn name(work: &mut Work, signer: Signer<'_>) -> Result<String, store::Error> {
    match signer {
        Signer::Principal(key_id) => {
            Ok(principal_keys::find(work, key_id).await?.map_or_else(|| key_id.to_owned(), |found| found.principal.name))
        }
        Signer::Orchestrator => Ok("chiffon".to_owned()),
        Signer::Enrolled(key_id) => Ok(agents::find_by_key(work, key_id).await?.unwrap_or_else(|| key_id.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_control_queue_the_agent_is_named() {
        assert_eq!(recipient("agent.control.infra.nas.17"), "infra.nas");
        assert_eq!(recipient("agent.infrastructure"), "agent.infrastructure");
        assert_eq!(recipient(""), "");
    }
}

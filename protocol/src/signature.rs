//! The `chiffon-signature` header: who wrote these bytes, for whom, and until when that counts.
//!
//! `v1;kid=<key id>;exp=<unix seconds>;to=<queue or agent id>;sig=<base64>`, Ed25519 over
//! `chiffon-v1\n<exp>\n<to>\n<body bytes>`. On a shared queue, `to` is the queue's name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, Signer as _};

use crate::key::{KeyPair, Keyring};

/// The header's name on the bus.
pub const HEADER: &str = "chiffon-signature";
/// The header under which the orchestrator vouches for a message that it sends again: a signature of its own over the same body,
/// for [`again`]. It makes up for the expiry of the sender's signature, and for nothing else.
pub const AGAIN_HEADER: &str = "chiffon-again";
/// The header by which an agent's hello brings its public key along, so that an orchestrator that does not know it can say what to enrol.
pub const KEY_HEADER: &str = "chiffon-key";

/// Whom a signature under [`AGAIN_HEADER`] names, for a message to `to`: nobody, so that it can't pass for the sender's own.
pub fn again(to: &str) -> String {
    format!("again:{to}")
}

/// The key id that a header names. Nobody has checked whether that key signed anything.
pub fn claimed_key(header: &str) -> Option<&str> {
    Parsed::read(header).map(|parsed| parsed.kid)
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no header.
    #[error("the message is not signed")]
    Missing,
    /// The header does not have the documented form.
    #[error("the signature header is malformed")]
    Malformed,
    /// It was meant for somebody else.
    #[error("the message is addressed to `{to}`, not to `{expected}`")]
    WrongRecipient {
        /// Whom the header names.
        to: String,
        /// Who received it.
        expected: String,
    },
    /// It was valid once.
    #[error("the signature expired at {expired}")]
    Expired {
        /// When it expired.
        expired: DateTime<Utc>,
    },
    /// The key is not in the ring.
    #[error("the key `{kid}` is not trusted here")]
    UnknownKey {
        /// The id the header names.
        kid: String,
    },
    /// The bytes were changed, or the key is not the one that the header names.
    #[error("the signature does not fit the message")]
    Forged,
}

/// The header value for a body sent to `to`, valid until `expires`.
pub fn sign(pair: &KeyPair, to: &str, expires: DateTime<Utc>, body: &[u8]) -> String {
    let exp = expires.timestamp();
    let signature = pair.signing().sign(&signed_bytes(exp, to, body));
    format!("v1;kid={};exp={exp};to={to};sig={}", pair.id(), BASE64.encode(signature.to_bytes()))
}

/// A signature over a text that is no message, as 64 bytes. The purpose keeps each use apart from every other, and from messages.
///
/// The same text has the same signature, so that whoever has the key can make it again.
pub fn seal(pair: &KeyPair, purpose: &str, text: &str) -> [u8; 64] {
    pair.signing().sign(format!("chiffon-seal-v1\n{purpose}\n{text}").as_bytes()).to_bytes()
}

/// Checks a header against the body; the id of the key that signed.
pub fn verify<'r>(
    ring: &'r Keyring,
    header: Option<&str>,
    expected_to: &str,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<&'r str, SignatureError> {
    let (id, expired) = verify_whenever(ring, header, expected_to, body)?;
    if expired < now {
        return Err(SignatureError::Expired { expired });
    }
    Ok(id)
}

/// Checks everything but the expiry: who signed, and until when that counted.
pub fn verify_whenever<'r>(
    ring: &'r Keyring,
    header: Option<&str>,
    expected_to: &str,
    body: &[u8],
) -> Result<(&'r str, DateTime<Utc>), SignatureError> {
    let header = Parsed::read(header.ok_or(SignatureError::Missing)?).ok_or(SignatureError::Malformed)?;
    if header.to != expected_to {
        return Err(SignatureError::WrongRecipient { to: header.to.to_owned(), expected: expected_to.to_owned() });
    }
    let (id, key) =
        ring.iter().find(|(id, _)| *id == header.kid).ok_or_else(|| SignatureError::UnknownKey { kid: header.kid.to_owned() })?;
    key.0.verify_strict(&signed_bytes(header.exp, header.to, body), &header.signature).map_err(|_| SignatureError::Forged)?;
    let expires = DateTime::from_timestamp(header.exp, 0).ok_or(SignatureError::Malformed)?;
    Ok((id, expires))
}

struct Parsed<'h> {
    kid: &'h str,
    exp: i64,
    to: &'h str,
    signature: Signature,
}

impl<'h> Parsed<'h> {
    fn read(header: &'h str) -> Option<Self> {
        let mut parts = header.strip_prefix("v1;")?.split(';');
        let kid = parts.next()?.strip_prefix("kid=")?;
        let exp = parts.next()?.strip_prefix("exp=")?.parse().ok()?;
        let to = parts.next()?.strip_prefix("to=")?;
        let signature = BASE64.decode(parts.next()?.strip_prefix("sig=")?).ok()?;
        if parts.next().is_some() {
            return None;
        }
        Some(Self { kid, exp, to, signature: Signature::from_slice(&signature).ok()? })
    }
}

fn signed_bytes(exp: i64, to: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("chiffon-v1\n{exp}\n{to}\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn what_was_signed_verifies_and_names_its_key() {
        let pair = KeyPair::from_secret_bytes(&[7; 32]);
        let ring = Keyring::new([pair.public()]);
        let header = sign(&pair, "agent.infrastructure", at(1_000), b"{}");
        assert_eq!(verify(&ring, Some(&header), "agent.infrastructure", b"{}", at(999)), Ok(pair.id()));
    }

    #[test]
    fn a_vouched_signature_names_nobody_that_could_receive_it() {
        let pair = KeyPair::from_secret_bytes(&[7; 32]);
        let ring = Keyring::new([pair.public()]);
        let header = sign(&pair, &again("queue"), at(1_000), b"{}");
        assert!(verify(&ring, Some(&header), &again("queue"), b"{}", at(1)).is_ok());
        assert!(matches!(verify(&ring, Some(&header), "queue", b"{}", at(1)), Err(SignatureError::WrongRecipient { .. })));
        assert_eq!(claimed_key(&header), Some(pair.id()));
        assert_eq!(claimed_key("v1;kid=x"), None);
    }

    #[test]
    fn every_way_to_be_wrong_is_told_apart() {
        let pair = KeyPair::from_secret_bytes(&[7; 32]);
        let ring = Keyring::new([pair.public()]);
        let header = sign(&pair, "queue", at(1_000), b"{}");
        let check = |header: Option<&str>, to: &str, body: &[u8], now: i64| verify(&ring, header, to, body, at(now)).map(str::to_owned);
        assert_eq!(check(None, "queue", b"{}", 1), Err(SignatureError::Missing));
        assert_eq!(check(Some("v2;x"), "queue", b"{}", 1), Err(SignatureError::Malformed));
        assert_eq!(check(Some(&header), "queue", b"{} ", 1), Err(SignatureError::Forged));
        assert_eq!(check(Some(&header), "queue", b"{}", 1_001), Err(SignatureError::Expired { expired: at(1_000) }));
        assert!(matches!(check(Some(&header), "other", b"{}", 1), Err(SignatureError::WrongRecipient { .. })));
        let later = header.replace("exp=1000", "exp=9000");
        assert_eq!(check(Some(&later), "queue", b"{}", 1), Err(SignatureError::Forged));
        let stranger = KeyPair::from_secret_bytes(&[8; 32]);
        let forged = sign(&stranger, "queue", at(1_000), b"{}");
        assert!(matches!(check(Some(&forged), "queue", b"{}", 1), Err(SignatureError::UnknownKey { .. })));
        let borrowed = forged.replace(stranger.id(), pair.id());
        assert_eq!(check(Some(&borrowed), "queue", b"{}", 1), Err(SignatureError::Forged));
    }
}

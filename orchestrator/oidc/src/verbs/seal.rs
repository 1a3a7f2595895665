//! Tokens of a provider as they lie in the database: encrypted, so that nobody who reads it (a backup, a login that may only read) can act
//! with them there. The key is made of the orchestrator's secret key, which every orchestrator of an installation has: whichever comes to it
//! can go on. With another secret key they can't be read, and who is signed in by them signs in anew.

use chiffon_protocol::key::KeyPair;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What keeps this use of the secret key apart from every other.
const PURPOSE: &[u8] = b"chiffon: tokens of an OpenID Connect provider, 1\n";

/// What a token is, so that one can't be put in the place of the other.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// With it the provider is asked again.
    Refresh,
    /// It is told at the sign-out.
    Id,
}

/// It could not be encrypted or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token of the provider can't be sealed or read: the orchestrator's key is another one, or the row was changed")]
pub struct Unreadable;

fn key(pair: &KeyPair) -> Result<LessSafeKey, Unreadable> {
    let secret: SecretString = pair.to_secret_text().into();
    let mut digest = Sha256::new();
    digest.update(PURPOSE);
    digest.update(secret.expose_secret().as_bytes());
    UnboundKey::new(&CHACHA20_POLY1305, &digest.finalize()).map(LessSafeKey::new).map_err(|_| Unreadable)
}

fn about(session_id: Uuid, kind: Kind) -> Aad<[u8; 17]> {
    let mut about = [0; 17];
    let (id, last) = about.split_at_mut(16);
    id.copy_from_slice(session_id.as_bytes());
    last.fill(match kind {
        Kind::Refresh => 1,
        Kind::Id => 2,
    });
    Aad::from(about)
}

/// Encrypts a token of this session.
pub fn seal(pair: &KeyPair, session_id: Uuid, kind: Kind, token: &str) -> Result<Vec<u8>, Unreadable> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| Unreadable)?;
    let mut sealed = token.as_bytes().to_vec();
    key(pair)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), about(session_id, kind), &mut sealed)
        .map_err(|_| Unreadable)?;
    Ok([&nonce[..], &sealed].concat())
}

/// Reads what [`seal`] has made.
pub fn open(pair: &KeyPair, session_id: Uuid, kind: Kind, sealed: &[u8]) -> Result<SecretString, Unreadable> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or(Unreadable)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unreadable)?;
    let mut rest = rest.to_vec();
    let plain = key(pair)?.open_in_place(nonce, about(session_id, kind), &mut rest).map_err(|_| Unreadable)?;
    String::from_utf8(plain.to_vec()).map(Into::into).map_err(|_| Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_token_is_read_only_as_what_it_is_where_it_belongs() {
        let (pair, id) = (KeyPair::generate(), Uuid::from_u128(1));
        let sealed = seal(&pair, id, Kind::Refresh, "a token").expect("sealed");
        assert!(!sealed.windows(7).any(|part| part == b"a token"));
        assert_eq!(open(&pair, id, Kind::Refresh, &sealed).expect("read").expose_secret(), "a token");
        assert!(open(&KeyPair::generate(), id, Kind::Refresh, &sealed).is_err(), "another key");
        assert!(open(&pair, Uuid::from_u128(2), Kind::Refresh, &sealed).is_err(), "another session");
        assert!(open(&pair, id, Kind::Id, &sealed).is_err(), "another kind");
        let mut changed = sealed.clone();
        *changed.last_mut().expect("a byte") ^= 1;
        assert!(open(&pair, id, Kind::Refresh, &changed).is_err() && open(&pair, id, Kind::Refresh, b"short").is_err());
        assert_ne!(seal(&pair, id, Kind::Refresh, "a token").expect("sealed"), sealed, "each has a nonce of its own");
    }
}

//! Ed25519 keys as text, and the short ids by which signatures name them.
//!
//! A public key is written `ed25519:<base64 of its 32 bytes>`; its id is the first 16 hex digits of the SHA-256 of those bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::canonical;

const PREFIX: &str = "ed25519:";

/// The public half of a key: what others pin to know who signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub VerifyingKey);

/// Why a text is not a public key.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a public key; it has the form `ed25519:<44 characters of base64>` as `chiffon key show` prints it")]
pub struct KeyError {
    text: String,
}

impl PublicKey {
    /// The first 16 hex digits of the SHA-256 of the key's bytes.
    pub fn id(&self) -> String {
        canonical::hex(&Sha256::digest(self.0.as_bytes())[..8])
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", BASE64.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let error = || KeyError { text: text.to_owned() };
        let encoded = text.trim().strip_prefix(PREFIX).ok_or_else(error)?;
        let bytes: [u8; 32] = BASE64.decode(encoded).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(error)?;
        VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| error())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The secret half of a key with the id of its public half. It is never printed.
#[derive(Clone)]
pub struct KeyPair {
    signing: SigningKey,
    id: String,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyPair({})", self.id)
    }
}

impl KeyPair {
    /// A new key from the system's randomness.
    pub fn generate() -> Self {
        Self::from_signing_key(SigningKey::generate(&mut rand::rng()))
    }

    /// The key with these 32 secret bytes.
    pub fn from_secret_bytes(bytes: &[u8; 32]) -> Self {
        Self::from_signing_key(SigningKey::from_bytes(bytes))
    }

    fn from_signing_key(signing: SigningKey) -> Self {
        let id = PublicKey(signing.verifying_key()).id();
        Self { signing, id }
    }

    /// The secret as one line of base64, for a file of mode 0600.
    pub fn to_secret_text(&self) -> String {
        BASE64.encode(self.signing.to_bytes())
    }

    /// Reads what [`KeyPair::to_secret_text`] wrote.
    pub fn from_secret_text(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = BASE64.decode(text.trim()).ok()?.try_into().ok()?;
        Some(Self::from_secret_bytes(&bytes))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.signing.verifying_key())
    }

    /// The id that signatures carry as `kid`.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn signing(&self) -> &SigningKey {
        &self.signing
    }
}

/// The public keys that a process trusts, by id.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: BTreeMap<String, PublicKey>,
}

impl Keyring {
    /// A ring of these keys.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self { keys: keys.into_iter().map(|key| (key.id(), key)).collect() }
    }

    /// The key with this id, if it is trusted.
    pub fn get(&self, id: &str) -> Option<&PublicKey> {
        self.keys.get(id)
    }

    /// All trusted keys with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PublicKey)> {
        self.keys.iter().map(|(id, key)| (id.as_str(), key))
    }
}

//! Links by which one person comes to one plan, once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chiffon_protocol::key::KeyPair;
use chiffon_protocol::signature;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use uuid::Uuid;

/// What every code begins with, so that a leaked one is recognised.
const PREFIX: &str = "cha_";
/// What keeps this use of the orchestrator's key apart from every other.
const PURPOSE: &str = "approval link, 1";
const SIGNATURE_BYTES: usize = 64;

/// What a link is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The link.
    pub id: Uuid,
    /// Whose it is.
    pub principal_id: Uuid,
    /// The request.
    pub request_id: Uuid,
    /// The plan.
    pub plan_sha256: String,
    /// From then on it opens nothing.
    pub expires_at: DateTime<Utc>,
}

impl Bound {
    /// Its code: a signature over all of it. It can be made again by whoever has the key, and by nobody else.
    pub fn code(&self, key: &KeyPair) -> SecretString {
        let Self { id, principal_id, request_id, plan_sha256, expires_at } = self;
        let text = format!("{id}\n{principal_id}\n{request_id}\n{plan_sha256}\n{}", expires_at.timestamp());
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(signature::seal(key, PURPOSE, &text))).into()
    }
}

/// Whether a text has a code's form.
pub fn is_plausible(text: &str) -> bool {
    let bytes = text.strip_prefix(PREFIX).and_then(|rest| URL_SAFE_NO_PAD.decode(rest).ok());
    bytes.is_some_and(|bytes| bytes.len() == SIGNATURE_BYTES)
}

/// How a plan stands for whom a link leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Where the request stands.
    pub status: String,
    /// Its current plan.
    pub plan_sha256: Option<String>,
    /// When that can't be approved any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether who asked may approve it.
    pub self_approval: bool,
    /// Whether this person has said a word in its conversation.
    pub is_author: bool,
    /// Whether this person has approved it.
    pub has_approved: bool,
}

impl Standing {
    /// Why a link to this plan opens nothing any more, if there is a reason.
    pub fn withdrawn(&self, plan_sha256: &str) -> Option<String> {
        if self.plan_sha256.as_deref() != Some(plan_sha256) {
            return Some("the plan has changed since, and the link was for the one before".to_owned());
        }
        if self.status != "awaiting_approval" {
            return Some(format!("the plan waits for nobody any more: the request is `{}`", self.status));
        }
        if self.has_approved {
            return Some("you have approved this plan, and it waits for somebody else".to_owned());
        }
        if self.is_author && !self.self_approval {
            return Some("you have said a word in the conversation, and the plan is to be approved by somebody who has not".to_owned());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_code_is_of_all_that_its_link_is_bound_to_and_of_the_key() {
        let at = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
        let bound = Bound {
            id: Uuid::from_u128(1),
            principal_id: Uuid::from_u128(2),
            request_id: Uuid::from_u128(3),
            plan_sha256: "aa".to_owned(),
            expires_at: at,
        };
        let key = KeyPair::from_secret_bytes(&[7; 32]);
        let code = |bound: &Bound| bound.code(&key).expose_secret().to_owned();
        assert_eq!(code(&bound), code(&bound));
        assert!(is_plausible(&code(&bound)) && !is_plausible("cha_short") && !is_plausible(&code(&bound).replacen("cha_", "chl_", 1)));
        for other in [
            Bound { id: Uuid::from_u128(9), ..bound.clone() },
            Bound { principal_id: Uuid::from_u128(9), ..bound.clone() },
            Bound { request_id: Uuid::from_u128(9), ..bound.clone() },
            Bound { plan_sha256: "ab".to_owned(), ..bound.clone() },
            Bound { expires_at: at + chrono::TimeDelta::seconds(1), ..bound.clone() },
        ] {
            assert_ne!(code(&other), code(&bound), "{other:?}");
        }
        assert_ne!(bound.code(&KeyPair::generate()).expose_secret(), &code(&bound));
    }
}

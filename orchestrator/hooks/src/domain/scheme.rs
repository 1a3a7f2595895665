//! How a call proves that it comes from who knows the hook's secret, and what names it, so that it asks once.
//!
//! Standard Webhooks 1.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`); GitHub's `X-Hub-Signature-256`, which Gitea and Forgejo
//! send, too; and a token for what can't sign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chiffon_protocol::canonical;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

/// What a secret of Standard Webhooks begins with; the rest is base64.
const PREFIX: &str = "whsec_";
/// A signed call is older or newer than this by no clock that is right, in seconds. (Standard Webhooks: five minutes.)
const TOLERANCE_SECONDS: i64 = 300;
/// Characters of an id.
const MOST_ID: usize = 200;

/// How calls are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WebhookScheme)]
pub enum Scheme {
    /// Standard Webhooks: HMAC-SHA256 over id, time and body.
    Standard,
    /// `X-Hub-Signature-256`: HMAC-SHA256 over the body.
    Github,
    /// The secret itself, as `Authorization: Bearer` or `X-Gitlab-Token`.
    Token,
}

/// A call as it came.
#[derive(Debug, Clone)]
pub struct Call<'c> {
    /// `webhook-id`.
    pub id: Option<&'c str>,
    /// `webhook-timestamp`.
    pub timestamp: Option<&'c str>,
    /// `webhook-signature`.
    pub signature: Option<&'c str>,
    /// `x-hub-signature-256`.
    pub hub_signature: Option<&'c str>,
    /// `authorization`.
    pub authorization: Option<&'c str>,
    /// `x-gitlab-token`.
    pub gitlab_token: Option<&'c str>,
    /// `idempotency-key`.
    pub idempotency_key: Option<&'c str>,
    /// To the byte.
    pub body: &'c [u8],
}

/// What names a call that counts, so that the same one again is known; or why it does not count. `now` is in seconds since 1970.
pub fn checked(scheme: Scheme, secret: &str, call: &Call<'_>, now: i64) -> Result<String, String> {
    match scheme {
        Scheme::Standard => standard(secret, call, now),
        Scheme::Github => github(secret, call),
        Scheme::Token => token(secret, call),
    }
}

fn standard(secret: &str, call: &Call<'_>, now: i64) -> Result<String, String> {
    let id = needed(call.id, "webhook-id")?;
    let timestamp = needed(call.timestamp, "webhook-timestamp")?;
    let signatures = needed(call.signature, "webhook-signature")?;
    let at: i64 = timestamp.parse().map_err(|_| "its `webhook-timestamp` is no number of seconds since 1970".to_owned())?;
    let mut mac = keyed(&key(secret)?)?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(call.body);
    let fits = |given: &str| {
        let bytes = given.strip_prefix("v1,").and_then(|text| BASE64.decode(text).ok());
        bytes.is_some_and(|bytes| mac.clone().verify_slice(&bytes).is_ok())
    };
    if !signatures.split(' ').any(fits) {
        return Err("its signature is not one of this hook's secret".to_owned());
    }
    if at.abs_diff(now) > TOLERANCE_SECONDS.unsigned_abs() {
        let apart = at.abs_diff(now);
        return Err(format!("it was signed {apart} s away from now, and {TOLERANCE_SECONDS} are allowed; look at both clocks"));
    }
    named(id)
}

fn github(secret: &str, call: &Call<'_>) -> Result<String, String> {
    let given = needed(call.hub_signature, "X-Hub-Signature-256")?;
    let text = given.strip_prefix("sha256=").filter(|text| text.len() == 64);
    let text = text.ok_or("its `X-Hub-Signature-256` is not `sha256=` and 64 hex digits")?;
    let mut mac = keyed(secret.as_bytes())?;
    mac.update(call.body);
    if !is_same(secret, &text.to_ascii_lowercase(), &canonical::hex(&mac.finalize().into_bytes()))? {
        return Err("its signature is not one of this hook's secret".to_owned());
    }
    // The id that is sent with it is not signed.
    Ok(digest(call.body))
}

fn token(secret: &str, call: &Call<'_>) -> Result<String, String> {
    let bearer = call.authorization.and_then(|given| given.strip_prefix("Bearer "));
    let given = needed(bearer.or(call.gitlab_token), "Authorization: Bearer")?;
    if !is_same(secret, given.trim(), secret)? {
        return Err("its token is not this hook's secret".to_owned());
    }
    call.idempotency_key.or(call.id).map_or_else(|| Ok(digest(call.body)), named)
}

/// Whether two texts are one: compared by what they come to under the secret, in the same time whatever they are.
fn is_same(secret: &str, given: &str, own: &str) -> Result<bool, String> {
    let (mut of_given, mut of_own) = (keyed(secret.as_bytes())?, keyed(secret.as_bytes())?);
    of_given.update(given.as_bytes());
    of_own.update(own.as_bytes());
    Ok(of_given.verify_slice(&of_own.finalize().into_bytes()).is_ok())
}

fn needed<'g>(given: Option<&'g str>, header: &str) -> Result<&'g str, String> {
    given.filter(|given| !given.is_empty()).ok_or_else(|| format!("it has no `{header}`"))
}

fn named(id: &str) -> Result<String, String> {
    let is_plain = id.chars().count() <= MOST_ID && id.chars().all(|c| c.is_ascii_graphic());
    if is_plain { Ok(id.to_owned()) } else { Err(format!("its id is not up to {MOST_ID} letters, digits and signs")) }
}

/// The key that a secret stands for: what its base64 says, or its own bytes.
fn key(secret: &str) -> Result<Vec<u8>, String> {
    match secret.strip_prefix(PREFIX) {
        Some(text) => BASE64.decode(text).map_err(|_| "the hook's secret begins with `whsec_` and goes on with no base64".to_owned()),
        None => Ok(secret.as_bytes().to_vec()),
    }
}

fn keyed(key: &[u8]) -> Result<Hmac<Sha256>, String> {
    Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())
}

fn digest(body: &[u8]) -> String {
    canonical::hex(&Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn bare(body: &[u8]) -> Call<'_> {
        Call {
            id: None,
            timestamp: None,
            signature: None,
            hub_signature: None,
            authorization: None,
            gitlab_token: None,
            idempotency_key: None,
            body,
        }
    }

    #[test]
    fn the_example_of_the_standard_counts_and_nothing_that_was_changed_does() {
        let good = Call {
            id: Some("msg_p5jXN8AQM9LWM0D4loKWxJek"),
            timestamp: Some("1614265330"),
            signature: Some("v1a,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            ..bare(BODY)
        };
        assert_eq!(checked(Scheme::Standard, SECRET, &good, NOW + 299).as_deref(), Ok("msg_p5jXN8AQM9LWM0D4loKWxJek"));
        for (what, call, now) in [
            ("signed 301 s away", good.clone(), NOW + 301),
            ("signed 301 s away", good.clone(), NOW - 301),
            ("not one of this hook's", Call { body: b"{}", ..good.clone() }, NOW),
            ("not one of this hook's", Call { id: Some("msg_2"), ..good.clone() }, NOW),
            ("not one of this hook's", Call { timestamp: Some("1614265331"), ..good.clone() }, NOW),
            ("not one of this hook's", Call { signature: Some("v1,"), ..good.clone() }, NOW),
            ("no number", Call { timestamp: Some("soon"), ..good.clone() }, NOW),
            ("no `webhook-id`", Call { id: Some(""), ..good.clone() }, NOW),
            ("no `webhook-signature`", Call { signature: None, ..good.clone() }, NOW),
        ] {
            let refused = checked(Scheme::Standard, SECRET, &call, now).unwrap_err();
            assert!(refused.contains(what), "{refused}");
        }
        assert!(checked(Scheme::Standard, "whsec_!", &good, NOW).unwrap_err().contains("no base64"));
    }

    #[test]
    fn githubs_own_example_counts_and_its_body_names_it() {
        // From GitHub's documentation on validating deliveries.
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let call = Call { hub_signature: Some(signature), id: Some("other"), ..bare(b"Hello, World!") };
        let named = checked(Scheme::Github, "It's a Secret to Everybody", &call, NOW);
        assert_eq!(named.as_deref(), Ok("dffd6021bb2bd5b0af676290809ec3a53191dd81c7f70a4b28688a362182986f"));
        assert!(checked(Scheme::Github, "another", &call, NOW).unwrap_err().contains("not one of this hook's"));
        let cut = Call { hub_signature: Some("sha1=757107ea"), ..call };
        assert!(checked(Scheme::Github, "another", &cut, NOW).unwrap_err().contains("64 hex digits"));
    }

    #[test]
    fn a_token_is_the_secret_whole() {
        let with = |authorization| Call { authorization, ..bare(BODY) };
        assert!(checked(Scheme::Token, "open sesame", &with(Some("Bearer open sesame")), NOW).is_ok_and(|id| id.len() == 64));
        for bad in [None, Some("Bearer open"), Some("Bearer open sesame!"), Some("Basic open sesame"), Some("Bearer ")] {
            assert!(checked(Scheme::Token, "open sesame", &with(bad), NOW).is_err(), "{bad:?}");
        }
        let gitlab = Call { gitlab_token: Some("open sesame"), idempotency_key: Some("7"), ..bare(BODY) };
        assert_eq!(checked(Scheme::Token, "open sesame", &gitlab, NOW).as_deref(), Ok("7"));
        let odd = Call { idempotency_key: Some("a b"), ..gitlab };
        assert!(checked(Scheme::Token, "open sesame", &odd, NOW).is_err());
    }
}

//! What one caller may take of this server: calls, tokens that do not count, live views and waits. Refusals say after which time to
//! try again, and which setting says so.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chiffon_protocol::ErrorCode;
use serde_json::json;
use uuid::Uuid;

use super::places::{Full, Place, Places};
use super::problem::Failure;
use super::rate::{Allowance, Left, Rate};
use super::state::HttpOptions;
use crate::domain::role::Principal;
use crate::verbs::tokens;

/// So many tokens that did count are remembered as such.
const MOST_GOOD: usize = 10_000;
/// So often a password may be tried for one name from one address.
const PASSWORDS_FROM_ONE: Allowance = Allowance { at_once: 10, every: Duration::from_mins(1) };
/// And so often from all that it has not counted from before: whoever guesses from everywhere is slowed down, and locks nobody out who comes
/// from where they have come from.
const PASSWORDS_FROM_ALL: Allowance = Allowance { at_once: 50, every: Duration::from_secs(10) };
/// So many sign-ins by a provider may be begun from one address: each is a row for a while.
const SIGN_INS: Allowance = Allowance { at_once: 60, every: Duration::from_secs(2) };
/// Live views and waits end by themselves; a place is worth asking for again after this.
const PLACE_AGAIN_AFTER: Duration = Duration::from_secs(5);

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Who is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// What counts as one address: of IPv6, everybody has a whole network of 2^64.
    fn network(self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            v4 @ IpAddr::V4(_) => v4,
        }
    }
}

impl Default for Peer {
    fn default() -> Self {
        Self(Ipv4Addr::UNSPECIFIED.into())
    }
}

/// A place of a principal; given back with the value.
pub type Held = Place<Uuid>;

/// What is counted.
#[derive(Debug)]
pub struct Limits {
    calls: Rate<Uuid>,
    calls_per_second: u32,
    failed_tokens: Rate<IpAddr>,
    /// By SHA-256 of a name with an address, and of a name.
    passwords_from_one: Rate<Vec<u8>>,
    passwords_from_all: Rate<Vec<u8>>,
    sign_ins: Rate<IpAddr>,
    /// SHA-256 of tokens that have counted, and of names with the addresses from which their passwords have. Whoever guesses must not lock
    /// out who comes from the same address with a good one.
    good: Mutex<HashSet<Vec<u8>>>,
    views: Arc<Places<Uuid>>,
    waits: Arc<Places<Uuid>>,
}

impl Limits {
    /// Nobody has taken anything yet.
    pub fn new(options: &HttpOptions) -> Self {
        let per_second = options.calls_per_second.max(1);
        let per_minute = options.failed_tokens_per_minute.max(1);
        Self {
            calls: Rate::new(Allowance { at_once: per_second.saturating_mul(2), every: Duration::from_secs(1) / per_second }),
            calls_per_second: per_second,
            failed_tokens: Rate::new(Allowance { at_once: per_minute, every: Duration::from_mins(1) / per_minute }),
            passwords_from_one: Rate::new(PASSWORDS_FROM_ONE),
            passwords_from_all: Rate::new(PASSWORDS_FROM_ALL),
            sign_ins: Rate::new(SIGN_INS),
            good: Mutex::default(),
            views: Places::new(options.views),
            waits: Places::new(options.waits),
        }
    }

    /// Counts a call of a principal; says also what is left of its allowance.
    pub fn call(&self, principal: &Principal, now: Duration) -> (Left, Result<(), Failure>) {
        match self.calls.take(principal.id, now) {
            Ok(left) => (left, Ok(())),
            Err(after) => {
                let (name, most) = (&principal.name, self.calls_per_second);
                let message = format!("`{name}` calls more often than {most} times a second (`http.calls_per_second`); call less often");
                (Left { more: 0, whole_after: after }, Err(later(ErrorCode::TooManyCalls, message, after)))
            }
        }
    }

    /// Says how often its caller may call, and how often it still may (draft-ietf-httpapi-ratelimit-headers-10).
    pub fn tell(&self, left: Left, headers: &mut HeaderMap) {
        let Allowance { at_once, every } = self.calls.allowance();
        let policy = format!("\"calls\";q={at_once};w={}", whole_seconds(every * at_once));
        let left = format!("\"calls\";r={};t={}", left.more, whole_seconds(left.whole_after));
        for (name, text) in [(POLICY, policy), (LEFT, left)] {
            headers.extend(HeaderValue::from_str(&text).ok().map(|value| (name, value)));
        }
    }

    /// Whether a token of this hash is looked up for this address.
    pub fn may_try(&self, peer: Peer, hash: &[u8], now: Duration) -> Result<(), Failure> {
        match self.failed_tokens.look(&peer.network(), now) {
            Err(after) if !self.good.lock().unwrap_or_else(PoisonError::into_inner).contains(hash) => Err(locked_out(after)),
            _ => Ok(()),
        }
    }

    /// Whether a password is looked at for this name and this address; counts that it is. What [`Limits::counts`] is told if it was right.
    pub fn may_try_password(&self, peer: Peer, name: &str, now: Duration) -> Result<Vec<u8>, Failure> {
        let network = peer.network();
        self.failed_tokens.look(&network, now).map_err(locked_out)?;
        let pair = tokens::sha256(&format!("{network} {name}"));
        self.passwords_from_one.take(pair.clone(), now).map_err(too_many_passwords)?;
        if !self.good.lock().unwrap_or_else(PoisonError::into_inner).contains(&pair) {
            self.passwords_from_all.take(tokens::sha256(name), now).map_err(too_many_passwords)?;
        }
        Ok(pair)
    }

    /// Counts a sign-in that is begun from this address and goes by a provider.
    pub fn sign_in(&self, peer: Peer, now: Duration) -> Result<(), Failure> {
        let most = "too many sign-ins were begun from your address; finish one of them, or wait a moment";
        self.sign_ins.take(peer.network(), now).map(drop).map_err(|after| later(ErrorCode::TooManyCalls, most, after))
    }

    /// Notes a token that counts.
    pub fn counts(&self, hash: &[u8]) {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if !good.contains(hash) {
            if good.len() >= MOST_GOOD {
                good.clear();
            }
            good.insert(hash.to_vec());
        }
    }

    /// Notes a token that does not count; `failure`, or that there were too many.
    pub fn does_not_count(&self, peer: Peer, now: Duration, failure: Failure) -> Failure {
        self.failed_tokens.take(peer.network(), now).map_or_else(locked_out, |_| failure)
    }

    /// A place for a live view.
    pub fn view(&self, principal: &Principal) -> Result<Held, Failure> {
        self.views.take(principal.id, true).map_err(|full| no_place(full, principal, "live views", "http.max_streams"))
    }

    /// A place for a call that waits.
    pub fn wait(&self, principal: &Principal) -> Result<Held, Failure> {
        self.waits.take(principal.id, true).map_err(|full| no_place(full, principal, "calls that wait", "http.max_waits"))
    }
}

fn locked_out(after: Duration) -> Failure {
    let message = "too many tokens that do not count have come from your address (`http.failed_tokens_per_minute`); look for the program \
        that uses an old or cut-off one. Tokens that have counted before still do";
    later(ErrorCode::TooManyFailedTokens, message, after)
}

fn too_many_passwords(after: Duration) -> Failure {
    let message = "too many passwords were tried for this name; wait as long as Retry-After says, or sign in with a link of `chiffon login` \
        or a token, which go on working";
    later(ErrorCode::TooManyFailedTokens, message, after)
}

fn no_place(full: Full, principal: &Principal, what: &str, setting: &str) -> Failure {
    let message = match full {
        Full::All => format!("as many {what} are open as there may be in all (`{setting}`); try again when one has ended"),
        Full::OfOne => {
            format!("`{}` has as many {what} open as one may have (`{setting}_per_principal`); end one of them first", principal.name)
        }
    };
    later(ErrorCode::TooManyOpen, message, PLACE_AGAIN_AFTER)
}

fn later(code: ErrorCode, message: impl Into<String>, after: Duration) -> Failure {
    Failure::new(code, message).with_details(json!({"retry_after_seconds": whole_seconds(after)}))
}

/// The seconds after which this time is over.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_guesses_a_password_from_everywhere_locks_nobody_out_who_came_from_here_before() {
        let limits = Limits::new(&HttpOptions::default());
        let (now, here) = (Duration::from_secs(1), Peer("192.0.2.1".parse().unwrap()));
        let pair = limits.may_try_password(here, "ann", now).unwrap();
        limits.counts(&pair);
        for guesser in 2..=50 {
            limits.may_try_password(Peer(Ipv4Addr::new(198, 51, 100, guesser).into()), "ann", now).unwrap();
        }
        let strangers = Peer("203.0.113.9".parse().unwrap());
        let refused = limits.may_try_password(strangers, "ann", now).unwrap_err().0;
        assert_eq!((refused.code, &refused.details["retry_after_seconds"]), (ErrorCode::TooManyFailedTokens, &json!(10)));
        limits.may_try_password(strangers, "bob", now).unwrap();
        for _ in 1..10 {
            limits.may_try_password(here, "ann", now).unwrap();
        }
        let refused = limits.may_try_password(here, "ann", now).unwrap_err().0;
        assert_eq!(refused.details["retry_after_seconds"], 60, "from one address, too, there is an end");
        limits.may_try_password(strangers, "ann", now + Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn one_network_of_ipv6_is_one_address_and_an_ipv4_address_in_it_is_itself() {
        let network = |text: &str| Peer(text.parse().unwrap()).network();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}

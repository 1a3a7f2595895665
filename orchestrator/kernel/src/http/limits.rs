//! What one caller may take of this server: calls, tokens that do not count, live views and waits. Refusals say after which time to
//! try again, and which setting says so.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chiffon_protocol::ErrorCode;
use serde_json::json;
use uuid::Uuid;

use super::places::{Full, Place, Places};
use super::problem::Failure;
use super::rate::{Allowance, Rate};
use super::state::HttpOptions;
use crate::domain::role::Principal;

/// So many tokens that did count are remembered as such.
const MOST_GOOD: usize = 10_000;
/// Live views and waits end by themselves; a place is worth asking for again after this.
const PLACE_AGAIN_AFTER: Duration = Duration::from_secs(5);

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
    /// SHA-256 of tokens that have counted. Whoever guesses must not lock out who comes from the same address with a good one.
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
            good: Mutex::default(),
            views: Places::new(options.views),
            waits: Places::new(options.waits),
        }
    }

    /// Counts a call of a principal.
    pub fn call(&self, principal: &Principal, now: Duration) -> Result<(), Failure> {
        self.calls.take(principal.id, now).map_err(|after| {
            let (name, most) = (&principal.name, self.calls_per_second);
            let message = format!("`{name}` calls more often than {most} times a second (`http.calls_per_second`); call less often");
            later(ErrorCode::TooManyCalls, message, after)
        })
    }

    /// Whether a token of this hash is looked up for this address.
    pub fn may_try(&self, peer: Peer, hash: &[u8], now: Duration) -> Result<(), Failure> {
        match self.failed_tokens.look(&peer.network(), now) {
            Err(after) if !self.good.lock().unwrap_or_else(PoisonError::into_inner).contains(hash) => Err(locked_out(after)),
            _ => Ok(()),
        }
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
        self.failed_tokens.take(peer.network(), now).map_or_else(locked_out, |()| failure)
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
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    Failure::new(code, message).with_details(json!({"retry_after_seconds": seconds}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_of_ipv6_is_one_address_and_an_ipv4_address_in_it_is_itself() {
        let network = |text: &str| Peer(text.parse().unwrap()).network();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}

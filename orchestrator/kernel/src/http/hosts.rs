//! By which names this server may be called. A page of a stranger's site whose name leads here (DNS rebinding) is answered nothing.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, Version, header};
use chiffon_protocol::ErrorCode;
use serde_json::json;

use super::problem::Failure;
use super::state::HttpOptions;

/// Anybody may ask how it is, by whatever name.
const ALWAYS: &str = "/health";
const EVERY_NAME: &str = "*";
/// Nobody can register a name below these: RFC 6761, 6762 and 8375, and ICANN's reservation of `internal`.
const PRIVATE: [&str; 4] = [".localhost", ".local", ".home.arpa", ".internal"];

/// The names by which it may be called.
#[derive(Debug)]
pub struct Hosts {
    names: BTreeSet<String>,
    /// Names of which every name below counts, too: `.lan` stands for all in `lan`.
    below: Vec<String>,
    all: bool,
}

impl Hosts {
    pub fn new(options: &HttpOptions) -> Self {
        let mut hosts = Self { names: BTreeSet::new(), below: PRIVATE.map(str::to_owned).to_vec(), all: false };
        let own = options.public_url.parse::<Uri>().ok().and_then(|url| url.host().map(ToOwned::to_owned));
        for name in own.iter().chain(&options.allowed_hosts) {
            let name = plain(name);
            match name.strip_prefix('.') {
                _ if name == EVERY_NAME => hosts.all = true,
                Some(_) => hosts.below.push(name),
                None => drop(hosts.names.insert(name)),
            }
        }
        hosts
    }

    /// Refuses a call by a name that is none of ours. One that names none comes from no browser.
    pub fn check(&self, version: Version, uri: &Uri, headers: &HeaderMap) -> Result<(), Failure> {
        named_once(version, headers)?;
        if self.all || uri.path().starts_with(ALWAYS) {
            return Ok(());
        }
        // The target's own host goes before the header: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2.
        let called = match (uri.authority(), headers.get(header::HOST)) {
            (Some(authority), _) => Some(authority.clone()),
            (None, None) => return Ok(()),
            (None, Some(host)) => host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
        };
        // What stands before an `@` belongs to no host.
        let name = called.as_ref().filter(|authority| !authority.as_str().contains('@')).map(|authority| plain(authority.host()));
        if name.as_deref().is_some_and(|name| self.knows(name)) {
            return Ok(());
        }
        let shown: String = name.unwrap_or_default().chars().take(100).collect();
        let message = format!(
            "this server is not to be called by the name `{shown}`: add it to `http.allowed_hosts` if it leads here, or call it by its address"
        );
        Err(Failure::new(ErrorCode::HostNotAllowed, message).with_details(json!({"host": shown, "setting": "http.allowed_hosts"})))
    }

    fn knows(&self, name: &str) -> bool {
        let is_address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        // A name without a dot is one of the caller's own network; no stranger can make it lead here.
        let is_single = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_address || is_single || self.names.contains(name) || self.below.iter().any(|below| name.ends_with(below.as_str()))
    }
}

/// From HTTP/1.1 on, a call has one Host line: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.
fn named_once(version: Version, headers: &HeaderMap) -> Result<(), Failure> {
    let lines = headers.get_all(header::HOST).iter().count();
    let message = match lines {
        0 if version == Version::HTTP_11 => {
            "the call has no Host header, which HTTP/1.1 asks for; send the name or the address that is called"
        }
        0 | 1 => return Ok(()),
        _ => "the call has several Host headers; send one, with the name or the address that is called",
    };
    Err(Failure::new(ErrorCode::HostMissing, message).with_details(json!({"lines": lines})))
}

/// A name as names are compared: in small letters, without the dot of the root.
fn plain(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn hosts() -> Hosts {
        Hosts::new(&HttpOptions {
            public_url: "https://chiffon.example:8443/".to_owned(),
            allowed_hosts: vec!["NAS".to_owned(), ".lan".to_owned()],
            ..HttpOptions::default()
        })
    }

    fn called(host: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
        hosts().check(Version::HTTP_11, &Uri::from_static("/requests"), &headers).is_ok()
    }

    #[test]
    fn addresses_localhost_and_what_is_configured_are_answered_and_nothing_else() {
        let good = "127.0.0.1 127.0.0.1:8080 192.168.1.5:8080 [::1]:8080 [2001:db8::1] localhost:8080 LOCALHOST. a.localhost nas NAS:8080 \
            orchestrator:8080 nas.local nas.home.arpa a.internal chiffon.example nas.lan a.b.lan";
        for good in good.split_whitespace() {
            assert!(called(good), "{good}");
        }
        for bad in
            "evil.example nas.evil.example localhost.evil.example 127.0.0.1.evil.example x.xlan local.example nas@evil.example a@nas@b 1.2.3".split(' ')
        {
            assert!(!called(bad), "{bad}");
        }
        assert!(!called("") && !called("two words"));
    }

    #[test]
    fn a_call_of_http_1_1_names_its_host_once() {
        let health = Uri::from_static("/health/live");
        let code = |version, headers: &HeaderMap| hosts().check(version, &health, headers).err().map(|failure| failure.0.code);
        assert_eq!(code(Version::HTTP_11, &HeaderMap::new()), Some(ErrorCode::HostMissing));
        assert_eq!(code(Version::HTTP_10, &HeaderMap::new()), None);
        let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("nas"))]);
        assert_eq!(code(Version::HTTP_11, &headers), None);
        headers.append(header::HOST, HeaderValue::from_static("nas"));
        assert_eq!(code(Version::HTTP_11, &headers), Some(ErrorCode::HostMissing));
    }

    #[test]
    fn health_always_answers_and_the_target_goes_before_the_header() {
        let evil = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("evil.example"))]);
        assert!(hosts().check(Version::HTTP_11, &Uri::from_static("/health/live"), &evil).is_ok());
        let nas = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("nas"))]);
        assert!(hosts().check(Version::HTTP_11, &Uri::from_static("http://evil.example/requests"), &nas).is_err());
        assert!(hosts().check(Version::HTTP_10, &Uri::from_static("/requests"), &HeaderMap::new()).is_ok(), "no browser");
        let all = Hosts::new(&HttpOptions { allowed_hosts: vec!["*".to_owned()], ..HttpOptions::default() });
        assert!(all.check(Version::HTTP_11, &Uri::from_static("/requests"), &evil).is_ok());
    }
}

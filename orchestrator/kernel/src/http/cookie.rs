//! The cookie of a signed-in browser. Scripts can't read it, and no call that another site causes carries it.

use axum::http::{HeaderMap, header};
use cookie::time::Duration;
use cookie::{Cookie, SameSite};

use super::state::HttpState;

/// Browsers keep no cookie for longer; the session says itself when it has ended.
const KEPT_FOR: Duration = Duration::days(400);

/// Cookies are not told apart by port: each installation has its own, so that two on one machine don't sign each other out.
fn name(state: &HttpState) -> String {
    let installation: String = state.context.key.id().chars().take(8).collect();
    // With this prefix, a browser takes it from no other host and over nothing but TLS.
    let prefix = if is_secure(state) { "__Host-" } else { "" };
    format!("{prefix}chiffon_{installation}")
}

fn is_secure(state: &HttpState) -> bool {
    state.options.public_url.starts_with("https://")
}

/// What the session's cookie holds, as often as the browser has sent one of its name.
pub(super) fn held(state: &HttpState, headers: &HeaderMap) -> Vec<String> {
    held_by(&name(state), headers)
}

/// The same of a cookie beside the session's.
pub fn held_as(state: &HttpState, suffix: &str, headers: &HeaderMap) -> Vec<String> {
    held_by(&format!("{}_{suffix}", name(state)), headers)
}

fn held_by(name: &str, headers: &HeaderMap) -> Vec<String> {
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    sent.flat_map(Cookie::split_parse).flatten().filter(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned()).collect()
}

/// The header by which a browser keeps a cookie beside the session's, for a while.
pub fn given_as(state: &HttpState, suffix: &str, secret: &str, kept_for: std::time::Duration) -> String {
    let mut cookie = of(state, secret);
    cookie.set_name(format!("{}_{suffix}", name(state)));
    cookie.set_max_age(Duration::try_from(kept_for).unwrap_or(Duration::ZERO));
    cookie.to_string()
}

fn of(state: &HttpState, value: &str) -> Cookie<'static> {
    Cookie::build((name(state), value.to_owned()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(is_secure(state))
        .max_age(KEPT_FOR)
        .build()
}

/// The header by which a browser keeps it.
pub(super) fn given(state: &HttpState, secret: &str) -> String {
    of(state, secret).to_string()
}

/// The header by which a browser forgets it.
pub fn taken(state: &HttpState) -> String {
    let mut cookie = of(state, "");
    cookie.make_removal();
    cookie.to_string()
}

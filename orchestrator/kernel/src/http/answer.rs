//! Around every call: its trace id in and out, its measure, its line in the log, panics and failures as problems.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chiffon_process::panic::Panicked;
use chiffon_process::traces::{Kind, Span, SpanId};
use chiffon_protocol::{ErrorCode, Problem};
use futures::FutureExt as _;
use tracing::Instrument as _;

use super::problem::{self, Failure};
use super::state::HttpState;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// What is asked again and again by machines, and what belongs to the page: spans of it would say nothing of anybody's request.
const NOT_TRACED: [&str; 5] = ["/health", "/metrics", "/ui", "/docs", "/openapi.json"];

/// The trace of a call, and the call's own place in it.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Its caller's, or a new one.
    pub id: String,
    /// The call itself.
    pub span: SpanId,
}

/// The outermost layer.
pub async fn wrap(State(state): State<HttpState>, mut request: Request, next: Next) -> Response {
    let (began, began_at) = (state.context.clock.elapsed(), state.context.clock.now());
    let trace_id = given_trace_id(request.headers()).unwrap_or_else(|| state.context.ids.new_trace_id());
    let span_id = SpanId::of_message(state.context.ids.new_message_id());
    let caller = request.headers().get(TRACEPARENT).and_then(|given| SpanId::of_parent(given.to_str().ok()?, &trace_id));
    let method = request.method().clone();
    // Never the path itself: what anybody may write would grow the measures without end.
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(Trace { id: trace_id.clone(), span: span_id });

    let origin = origin(&state.options.public_url, request.headers());
    let policy = content_policy(request.uri().path());
    let span = tracing::info_span!("http", trace_id, method = %method, route);
    let mut response = match state.hosts.check(request.version(), request.uri(), request.headers()) {
        Ok(()) => {
            AssertUnwindSafe(next.run(request).instrument(span)).catch_unwind().await.unwrap_or_else(|panic| panicked(panic.as_ref()))
        }
        Err(refused) => refused.into_response(),
    };

    let problem = response.extensions_mut().remove::<Problem>();
    let code = problem.as_ref().map(|problem| problem.code.number());
    if let Some(problem) = problem {
        state.measures.problem(problem.code);
        problem::render(&mut response, problem, &trace_id, &origin);
    }
    let status = response.status().as_u16();
    let took = state.context.clock.elapsed().saturating_sub(began);
    state.measures.record(method.as_str(), &route, status, took);
    if !NOT_TRACED.iter().any(|path| route.starts_with(path)) {
        state.context.traces.add(&trace_id, || {
            Span::new(span_id, Kind::Server, format!("{method} {route}"), began_at, state.context.clock.now())
                .under(caller)
                .with("http.request.method", method.as_str())
                .with("http.route", route.as_str())
                .with("http.response.status_code", status)
                .with_some("chiffon.error.code", code)
                // By convention only what is the server's own fault is an error of the server's.
                .failed((status >= 500).then_some(status))
        });
    }
    tracing::info!(trace_id, method = %method, route, status, milliseconds = took.as_secs_f64() * 1000.0, "answered");
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    // What is told to one caller is kept by nobody for another.
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in [(TRACEPARENT, state.context.traces.traceparent(&trace_id, span_id)), (TRACE_ID, trace_id)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A call that panicked is one answer, and no more than that.
fn panicked(panic: &(dyn Any + Send)) -> Response {
    Failure::new(ErrorCode::Internal, format!("a call: {}", Panicked::of(panic))).into_response()
}

/// What a browser may do with an answer: nothing, but the page has scripts and styles in files of its own, and the reader of the
/// documentation has some of them inline.
fn content_policy(path: &str) -> &'static str {
    if path.starts_with("/ui") {
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    } else if path.starts_with("/docs") && !path.starts_with("/docs/errors") {
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    } else {
        "default-src 'none'; frame-ancestors 'none'"
    }
}

/// Where this orchestrator is for its caller: what is configured, else the host that was called. Empty where the call names none.
pub fn origin(configured: &str, headers: &HeaderMap) -> String {
    if !configured.is_empty() {
        return configured.trim_end_matches('/').to_owned();
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    // What stands before an `@` is nobody's host.
    host.filter(|host| !host.as_str().contains('@')).map_or_else(String::new, |host| format!("http://{host}"))
}

/// The trace id of a `traceparent` header (https://www.w3.org/TR/trace-context/), if there is a valid one.
fn given_trace_id(headers: &HeaderMap) -> Option<String> {
    let mut parts = headers.get(TRACEPARENT)?.to_str().ok()?.split('-');
    let (version, trace_id, span_id) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) && text.bytes().any(|byte| byte != b'0')
    };
    (version.len() == 2 && version != "ff" && hex(trace_id, 32) && hex(span_id, 16)).then(|| trace_id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(traceparent: &'static str) -> Option<String> {
        given_trace_id(&HeaderMap::from_iter([(TRACEPARENT, HeaderValue::from_static(traceparent))]))
    }

    #[test]
    fn pages_are_where_the_configuration_says_else_where_the_caller_called() {
        let called = |host: &'static str| HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
        assert_eq!(origin("", &called("nas.lan:8080")), "http://nas.lan:8080");
        assert_eq!(origin("", &called("[::1]:8080")), "http://[::1]:8080");
        assert_eq!(origin("https://chiffon.lan/", &called("nas.lan:8080")), "https://chiffon.lan");
        for hostile in ["a@evil.example", "evil.example/path?", "two words", ""] {
            assert_eq!(origin("", &called(hostile)), "", "{hostile}");
        }
        assert_eq!(origin("", &HeaderMap::new()), "");
    }

    #[test]
    fn a_valid_traceparent_is_continued_and_any_other_is_not() {
        let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(given("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").as_deref(), Some(trace_id));
        assert_eq!(given("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later").as_deref(), Some(trace_id));
        assert_eq!(given("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), None);
        assert_eq!(given("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"), None);
        assert_eq!(given("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), None);
        assert_eq!(given("nonsense"), None);
    }
}

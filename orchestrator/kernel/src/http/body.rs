//! JSON bodies: size, media type, UTF-8, syntax and fields, each refused with its own code and place.

use axum::Json as AxumJson;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{Extensions, HeaderMap, header};
use bytes::{Bytes, BytesMut};
use chiffon_protocol::ErrorCode;
use futures::StreamExt as _;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

use super::auth::Arrival;
use super::fields;
use super::input::storable;
use super::problem::Failure;
use super::state::HttpState;

/// A body that is too large is still read up to this many times the limit, because a client that is cut off in the middle of
/// sending sees a broken connection instead of the answer.
const DRAINED_TIMES: usize = 16;

/// What a call says, as it was understood and as it was sent.
pub trait Body {
    /// As it was understood.
    type Value;

    /// What it says, and its bytes.
    fn into_parts(self) -> (Self::Value, Bytes);
}

/// A call that says nothing beyond its address; a body is not read.
#[derive(Debug, Clone, Copy)]
pub struct Nothing;

impl<S: Send + Sync> FromRequest<S> for Nothing {
    type Rejection = Failure;

    async fn from_request(_: Request, _: &S) -> Result<Self, Failure> {
        Ok(Self)
    }
}

impl Body for Nothing {
    type Value = ();

    fn into_parts(self) -> ((), Bytes) {
        ((), Bytes::new())
    }
}

/// A JSON body, with its bytes.
#[derive(Debug, Clone)]
pub struct Json<T> {
    /// What was sent.
    pub value: T,
    /// As it was sent, to the byte.
    pub bytes: Bytes,
}

impl<S, T> FromRequest<S> for Json<T>
where
    HttpState: FromRef<S>,
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let bytes = arrived(&parts.extensions, body, HttpState::from_ref(state).options.max_body_bytes).await?;
        check_media_type(&parts.headers)?;
        let value = parse(&bytes)?;
        Ok(Self { value, bytes })
    }
}

impl<T> Body for Json<T> {
    type Value = T;

    fn into_parts(self) -> (T, Bytes) {
        (self.value, self.bytes)
    }
}

/// A JSON body that may be left out, or be `null`.
#[derive(Debug, Clone)]
pub struct OptionalJson<T> {
    /// What was sent, if anything.
    pub value: Option<T>,
    /// As it was sent, to the byte.
    pub bytes: Bytes,
}

impl<S, T> FromRequest<S> for OptionalJson<T>
where
    HttpState: FromRef<S>,
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let bytes = arrived(&parts.extensions, body, HttpState::from_ref(state).options.max_body_bytes).await?;
        if bytes.is_empty() {
            return Ok(Self { value: None, bytes });
        }
        check_media_type(&parts.headers)?;
        Ok(Self { value: parse(&bytes)?, bytes })
    }
}

impl<T> Body for OptionalJson<T> {
    type Value = Option<T>;

    fn into_parts(self) -> (Option<T>, Bytes) {
        (self.value, self.bytes)
    }
}

/// The body, if all of it comes in the time that the whole call has.
async fn arrived(call: &Extensions, body: axum::body::Body, limit: usize) -> Result<Bytes, Failure> {
    let Some(Arrival { by, within }) = call.get::<Arrival>().copied() else {
        return Err(Failure::new(ErrorCode::Internal, "an endpoint reads a body but no time is set for it in the route table"));
    };
    tokio::time::timeout_at(by, read(body, limit)).await.unwrap_or_else(|_| {
        let message =
            format!("the body did not come within {} s (`http.request_timeout`), so nothing was done; send it whole", within.as_secs());
        Err(Failure::new(ErrorCode::Timeout, message))
    })
}

async fn read(body: axum::body::Body, limit: usize) -> Result<Bytes, Failure> {
    let mut stream = body.into_data_stream();
    let mut kept = BytesMut::new();
    let mut seen = 0_usize;
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|error| Failure::new(ErrorCode::InvalidJson, format!("the body broke off after {seen} bytes: {error}")))?;
        seen = seen.saturating_add(chunk.len());
        if seen <= limit {
            kept.extend_from_slice(&chunk);
        } else if seen > limit.saturating_mul(DRAINED_TIMES) {
            break;
        }
    }
    if seen > limit {
        return Err(Failure::new(ErrorCode::BodyTooLarge, format!("the body is larger than {limit} bytes; say it shorter"))
            .with_details(json!({"limit_bytes": limit})));
    }
    Ok(kept.freeze())
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Failure> {
    let given = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let essence = given.map(|given| given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    match essence.as_deref() {
        Some("application/json") => Ok(()),
        Some(kind) if kind.starts_with("application/") && kind.ends_with("+json") => Ok(()),
        _ => Err(Failure::new(
            ErrorCode::UnsupportedMediaType,
            format!(
                "the body is said to be `{}`; send JSON with `Content-Type: application/json`",
                given.unwrap_or("nothing").escape_default()
            ),
        )),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let (line, column) = place(&bytes[..error.valid_up_to()]);
        return Err(Failure::new(
            ErrorCode::InvalidJson,
            format!("the body is not UTF-8 at line {line}, column {column}; JSON text must be UTF-8"),
        )
        .with_details(json!({"line": line, "column": column, "byte": error.valid_up_to()})));
    }
    // Only an escape can bring it into a text: JSON takes no bare control character.
    if memmem(bytes, br"\u0000")
        && let Ok(value) = serde_json::from_slice(bytes)
    {
        storable_value(&value, "")?;
    }
    // A reader of named fields would take them from a list by their order, too.
    if bytes.trim_ascii_start().starts_with(b"[") && serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
        return Err(fields::refused("invalid type: sequence, expected a map"));
    }
    AxumJson::<T>::from_bytes(bytes).map(|AxumJson(value)| value).map_err(|rejection| refuse(bytes, &rejection))
}

fn memmem(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Refuses a null character in any text of a body, by the path to it.
fn storable_value(value: &Value, path: &str) -> Result<(), Failure> {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::String(text) => storable(text, path),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(at, item)| storable_value(item, &below(&at.to_string()))),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            storable(name, &below(name))?;
            storable_value(value, &below(name))
        }),
        _ => Ok(()),
    }
}

fn refuse(bytes: &[u8], rejection: &JsonRejection) -> Failure {
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(bytes) {
        let (line, column) = (error.line(), error.column());
        let reason = if bytes.is_empty() { "it is empty".to_owned() } else { error.to_string() };
        return Failure::new(ErrorCode::InvalidJson, format!("the body is not JSON: {reason}"))
            .with_details(json!({"line": line, "column": column}));
    }
    let text = rejection.body_text();
    let reason = text.strip_prefix("Failed to deserialize the JSON body into the target type: ").unwrap_or(&text);
    fields::refused(reason)
}

/// Line and column, from 1, right behind some bytes.
fn place(before: &[u8]) -> (usize, usize) {
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wish {
        #[expect(dead_code, reason = "only its reading is tested")]
        text: String,
        #[expect(dead_code, reason = "only its reading is tested")]
        priority: Option<i32>,
    }

    fn refused(bytes: &[u8]) -> Failure {
        parse::<Wish>(bytes).unwrap_err()
    }

    #[test]
    fn bad_utf8_is_named_by_its_place() {
        let failure = refused(b"{\"text\":\n \"a\xff\"}");
        assert_eq!(failure.0.code, ErrorCode::InvalidJson);
        assert_eq!(failure.0.details, json!({"line": 2, "column": 4, "byte": 12}));
    }

    #[test]
    fn bad_json_is_named_by_its_place() {
        for (bytes, line, column) in
            [(&b"{\"text\": }"[..], 1, 10), (b"", 1, 0), (b"{\n\"text\" 1}", 2, 8), (b"{\"text\": \"a\"} x", 1, 15)]
        {
            let failure = refused(bytes);
            assert_eq!(failure.0.code, ErrorCode::InvalidJson, "{failure:?}");
            assert_eq!(failure.0.details, json!({"line": line, "column": column}), "{failure:?}");
        }
    }

    #[test]
    fn a_null_character_is_refused_by_the_path_to_it() {
        for (bytes, field) in
            [(&br#"{"text": "a\u0000"}"#[..], "text"), (br#"{"priority": {"deep": ["a", "\u0000"]}, "text": "a"}"#, "priority.deep.1")]
        {
            let failure = refused(bytes);
            assert_eq!((failure.0.code, failure.0.details), (ErrorCode::TextRefused, json!({"field": field})));
        }
        assert!(parse::<Wish>(br#"{"text": "a\\u0000"}"#).is_ok(), "an escaped backslash is no null character");
    }

    #[test]
    fn a_field_that_can_not_be_used_is_named() {
        use ErrorCode::{FieldMissing, InvalidField, UnknownField};
        for (bytes, code, field) in [
            (&br#"{"text": "a", "colour": 1}"#[..], UnknownField, "colour"),
            (br#"{"text": 5}"#, InvalidField, "text"),
            (br#"{"priority": 1}"#, FieldMissing, "text"),
            (br#"{"text": "a", "priority": "high"}"#, InvalidField, "priority"),
            (br#"{"text": "a", "priority": 99999999999}"#, InvalidField, "priority"),
            (br#"{"text": "a", "text": "b"}"#, InvalidField, "text"),
        ] {
            let failure = refused(bytes);
            assert_eq!(failure.0.code, code, "{failure:?}");
            assert_eq!(failure.0.details, json!({"field": field}), "{failure:?}");
        }
        for list in [&b"[]"[..], br#"["remove kuma", 1]"#, b" \n[1]", b"5", b"\"text\""] {
            let failure = refused(list);
            assert_eq!(failure.0.code, InvalidField, "{failure:?}");
            assert!(failure.0.message.contains("an object"), "{failure:?}");
        }
    }
}

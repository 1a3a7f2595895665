//! Ids, query parameters and headers of a call. What can't be read is refused with the code that names it.

use axum::extract::{FromRequestParts, Query as AxumQuery, RawPathParams};
use axum::http::request::Parts;
use chiffon_protocol::ErrorCode;
use chrono::{DateTime, Datelike as _, Utc};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};
use serde_json::json;
use uuid::Uuid;

use super::answer::Trace;
use super::problem::Failure;

/// The last parameter of a path, as text.
#[derive(Debug, Clone)]
pub struct Name(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|error| Failure::new(ErrorCode::MalformedId, format!("the path can't be read: {}", error.body_text())))?;
        for (name, value) in &params {
            storable(value, name)?;
        }
        let last = params.iter().last().map(|(_, value)| value.to_owned());
        last.map(Self).ok_or_else(|| Failure::new(ErrorCode::Internal, "an endpoint asks for a path parameter that its path does not have"))
    }
}

/// The last parameter of a path, as an id.
#[derive(Debug, Clone, Copy)]
pub struct Id(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Name(text) = Name::from_request_parts(parts, state).await?;
        parse_id(&text).map(Self)
    }
}

/// The parameter `name` of a path, and its last one, as the id of something of theirs.
#[derive(Debug, Clone)]
pub struct TheirId {
    /// Whose it is.
    pub name: String,
    /// Which.
    pub id: Uuid,
}

impl<S: Send + Sync> FromRequestParts<S> for TheirId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Id(id) = Id::from_request_parts(parts, state).await?;
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|error| Failure::new(ErrorCode::MalformedId, format!("the path can't be read: {}", error.body_text())))?;
        let name = params.iter().find(|(name, _)| *name == "name").map(|(_, value)| value.to_owned());
        let missing = || Failure::new(ErrorCode::Internal, "an endpoint asks for a path parameter `name` that its path does not have");
        name.map(|name| Self { name, id }).ok_or_else(missing)
    }
}

/// Refuses what PostgreSQL keeps in no text. Paths, queries and bodies are looked at where they are read, so that no endpoint has to.
pub fn storable(text: &str, field: &str) -> Result<(), Failure> {
    if !text.contains('\0') {
        return Ok(());
    }
    let message = format!("`{}` holds the null character (U+0000), which can't be stored; send it without", field.escape_default());
    Err(Failure::new(ErrorCode::TextRefused, message).with_details(json!({"field": field})))
}

/// Reads an id.
pub fn parse_id(text: &str) -> Result<Uuid, Failure> {
    Uuid::try_parse(text).map_err(|error| {
        let shown: String = text.chars().take(60).collect();
        Failure::new(
            ErrorCode::MalformedId,
            format!("`{}` is not an id: {error}. Ids look like 01890a5d-ac96-774b-bcce-b302099a8057", shown.escape_default()),
        )
        .with_details(json!({"id": shown}))
    })
}

/// Query parameters; unknown ones are refused (their type says so).
#[derive(Debug, Clone)]
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        if let Ok(AxumQuery(pairs)) = AxumQuery::<Vec<(String, String)>>::try_from_uri(&parts.uri) {
            pairs.iter().try_for_each(|(name, value)| storable(value, name))?;
        }
        let read = AxumQuery::<T>::try_from_uri(&parts.uri);
        read.map(|AxumQuery(value)| Self(value)).map_err(|error| {
            let text = error.body_text();
            let reason = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            Failure::new(ErrorCode::InvalidQuery, format!("a query parameter can't be read: {reason}"))
        })
    }
}

/// A query parameter that can't be used, and why.
pub fn bad_query(name: &str, reason: impl std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::InvalidQuery, format!("the query parameter `{name}` can't be used: {reason}"))
        .with_details(json!({"parameter": name}))
}

/// A moment, where one is said: one that RFC 3339 has (https://www.rfc-editor.org/rfc/rfc3339, years 0000 to 9999), as in `2026-11-29T05:00:00Z`.
pub fn moment<'de, D: Deserializer<'de>>(given: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(given)? else { return Ok(None) };
    let read = DateTime::parse_from_rfc3339(&text).ok().map(|at| at.to_utc()).filter(|at| (1..=9_999).contains(&at.year()));
    let shown: String = text.chars().take(40).collect();
    let wrong = || D::Error::custom(format!("`{}` is no moment such as 2026-11-29T05:00:00Z", shown.escape_default()));
    read.map(Some).ok_or_else(wrong)
}

/// How many items a page has: what was asked for, if it is between 1 and `most`.
pub fn page_size(asked: Option<i64>, default: i64, most: i64) -> Result<i64, Failure> {
    match asked {
        None => Ok(default),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => Err(bad_query("limit", format!("{limit} is not between 1 and {most}"))),
    }
}

/// Cuts a page off that was read with one item too many; `true` when there are more.
pub fn cut<T>(items: &mut Vec<T>, limit: i64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    more
}

/// Reads a span of time: `30s`, `500ms`, `2m`, or plain seconds.
pub fn parse_wait(text: &str) -> Result<std::time::Duration, Failure> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => Some(1),
        "" | "s" => Some(1000),
        "m" => Some(60_000),
        _ => None,
    };
    let read = milliseconds.zip(number.parse::<u64>().ok()).and_then(|(unit, number)| number.checked_mul(unit));
    read.map(std::time::Duration::from_millis)
        .ok_or_else(|| bad_query("wait", format!("`{}` is not a time such as 30s", text.escape_default())))
}

impl<S: Send + Sync> FromRequestParts<S> for Trace {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Failure::new(ErrorCode::Internal, "a call has no trace id"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wait_is_read_with_its_unit() {
        assert_eq!(parse_wait("30s").unwrap(), Duration::from_secs(30));
        assert_eq!(parse_wait("30").unwrap(), Duration::from_secs(30));
        assert_eq!(parse_wait("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(parse_wait("2m").unwrap(), Duration::from_mins(2));
        for bad in ["", "s", "-1s", "1h", "1.5s", "99999999999999999999s"] {
            assert_eq!(parse_wait(bad).unwrap_err().0.code, ErrorCode::InvalidQuery, "{bad}");
        }
    }
}

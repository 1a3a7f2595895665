//! Texts from outside as Postgres takes them.

use std::borrow::Cow;

use serde_json::Value;

/// Text as Postgres takes it: it has no NUL.
pub fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// JSON as Postgres takes it: no text in it has a NUL.
#[must_use]
pub fn storable_json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(storable(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(storable_json).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(key, member)| (storable(&key).into_owned(), storable_json(member))).collect())
        }
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgres_refuses_is_replaced() {
        assert_eq!(storable("a\0b"), "a\u{fffd}b");
        assert_eq!(storable_json(serde_json::json!({"a\0": ["\0"]})), serde_json::json!({"a\u{fffd}": ["\u{fffd}"]}));
    }
}

//! Canonical JSON and the hashes made of it: the same value always gives the same bytes.
//!
//! Objects have their keys sorted by code point, no white space stands between tokens, and numbers are
//! written as `serde_json` writes them. What is hashed is UTF-8.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The canonical bytes of a value.
///
/// # Panics
/// When the value's `Serialize` fails, which for types of this crate can't happen.
pub fn bytes(value: &impl Serialize) -> Vec<u8> {
    let value = serde_json::to_value(value).expect("wire types always serialize");
    let mut out = Vec::new();
    write(&value, &mut out);
    out
}

/// The SHA-256 of the canonical bytes, as 64 lower-case hex digits.
pub fn sha256_hex(value: &impl Serialize) -> String {
    hex(&Sha256::digest(bytes(value)))
}

/// Lower-case hex digits of some bytes.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort_unstable();
            out.push(b'{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(Value::from(key.as_str()).to_string().as_bytes());
                out.push(b':');
                write(&members[key], out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        scalar => out.extend_from_slice(scalar.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let one = json!({"b": [1, {"z": null, "a": "ü"}], "a": 1.5});
        let other = json!({"a": 1.5, "b": [1, {"a": "ü", "z": null}]});
        assert_eq!(bytes(&one), bytes(&other));
        assert_eq!(String::from_utf8(bytes(&one)).unwrap(), r#"{"a":1.5,"b":[1,{"a":"ü","z":null}]}"#);
    }

    #[test]
    fn any_difference_changes_the_hash() {
        assert_ne!(sha256_hex(&json!({"port": 3001})), sha256_hex(&json!({"port": 3002})));
        assert_ne!(sha256_hex(&json!([1, 2])), sha256_hex(&json!([2, 1])));
    }
}

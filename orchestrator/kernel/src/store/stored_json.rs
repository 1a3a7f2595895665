//! JSON as rows have it. What can't be read is bad data with its place, never a default: nobody can tell a default from what was meant.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Error;

/// No more of what can't be read is repeated.
const SHOWN_CHARS: usize = 200;

/// Reads a column of the row that `id` names, or says what stands there ([`Error::BadData`]).
pub fn read_json<T: DeserializeOwned>(table: &'static str, column: &'static str, id: &impl ToString, value: &Value) -> Result<T, Error> {
    T::deserialize(value).map_err(|_| Error::BadData {
        table,
        column,
        id: id.to_string(),
        value: value.to_string().chars().take(SHOWN_CHARS).collect(),
    })
}

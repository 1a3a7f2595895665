//! Words that a newer version may have added: read as the one that promises least, so that its messages are still understood.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Availability;

/// A word that is not known here is no word.
pub(super) fn known_or_none<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// A word that is not known here means that it takes no work.
pub(super) fn known_or_busy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Availability, D::Error> {
    Ok(known_or_none(deserializer)?.unwrap_or(Availability::Busy))
}

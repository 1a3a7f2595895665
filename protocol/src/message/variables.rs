//! The variables that a play finds for its hosts, in a form in which a run is bound to its preview without showing any value.
//!
//! Digests are keyed with a secret of the agent's own: nobody else can try out what a short value is.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The variables of some hosts, as files gave them when a play began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Variables {
    /// Which key the digests are made with. Those of another can't be compared.
    pub key_id: String,
    /// By host.
    pub hosts: Vec<HostVariables>,
}

/// The variables of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostVariables {
    /// The host.
    pub host: String,
    /// Over all of them.
    pub digest: String,
    /// A digest of each, by its name. Left out where they are too many: then it can be told that some changed, and not which.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
}

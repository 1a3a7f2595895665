//! What a task wrote where, in a form in which a dry run and the run after it are compared without showing anything.
//!
//! Digests are the first 16 hexadecimal digits of a SHA-256 over what people are shown: without secrets, without the headers of diffs,
//! and without times of the moment. What is not shown has none, and then nothing is claimed of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a task changed in one place of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// The Ansible task's name.
    pub name: String,
    /// The file or thing that it was to change.
    pub place: String,
    /// Of the lines that came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<String>,
    /// Of the lines that went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<String>,
    /// Of the whole content afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Of the attributes that changed, as they were afterwards: mode, owner, state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<String>,
}

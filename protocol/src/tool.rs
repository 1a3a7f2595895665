//! Tools by address: what a step calls is named by a URI, whose scheme says who serves it.
//!
//! `agent:<kind>/<action>` is an action of agents of a kind, `agent:<kind>.<machine>/<action>` of the one on a machine. Tools of other
//! schemes are read and kept as they are: whether somebody here serves them is asked when a plan would use them.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::kind::AgentType;

/// The scheme of actions.
pub const AGENT: &str = "agent";
/// No address is longer.
const LONGEST: usize = 2_000;

/// The address of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ToolUri(String);

/// Why a text is no tool's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no tool's address: {why}")]
pub struct NotATool {
    text: String,
    why: String,
}

/// An action, as an address names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentTool<'u> {
    /// The kind of agents that has it.
    pub kind: AgentType,
    /// The machine, where only the agent there is meant.
    pub machine: Option<&'u str>,
    /// Its name in the catalogue.
    pub action: &'u str,
}

impl ToolUri {
    /// The address of an action of agents of a kind.
    pub fn of_action(kind: &AgentType, action: &str) -> Result<Self, NotATool> {
        format!("{AGENT}:{kind}/{action}").parse()
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Who serves it, in a word: what stands before the first colon.
    pub fn scheme(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// The action that it names; `None` for a tool of another scheme.
    pub fn agent(&self) -> Option<AgentTool<'_>> {
        action_of(self.0.strip_prefix(AGENT)?.strip_prefix(':')?).ok()
    }
}

/// What stands behind `agent:`.
fn action_of(rest: &str) -> Result<AgentTool<'_>, String> {
    let form = "it is `agent:<kind>/<action>`, such as `agent:infrastructure/deploy_kuma`";
    let (agent, action) = rest.split_once('/').ok_or_else(|| form.to_owned())?;
    let (kind, machine) = agent.split_once('.').map_or((agent, None), |(kind, machine)| (kind, Some(machine)));
    let kind = kind.parse().map_err(|error| format!("{error}; {form}"))?;
    if machine.is_some_and(str::is_empty) {
        return Err(format!("there is no machine behind the dot; {form}"));
    }
    if action.is_empty() || action.contains('/') {
        return Err(format!("`{action}` can't be an action's name; {form}"));
    }
    Ok(AgentTool { kind, machine, action })
}

impl TryFrom<String> for ToolUri {
    type Error = NotATool;

    fn try_from(text: String) -> Result<Self, NotATool> {
        match problem(&text) {
            None => Ok(Self(text)),
            Some(why) => Err(NotATool { text: text.chars().take(100).flat_map(char::escape_default).collect(), why }),
        }
    }
}

fn problem(text: &str) -> Option<String> {
    let Some((scheme, rest)) = text.split_once(':') else {
        return Some("it has no scheme, as in `agent:infrastructure/deploy_kuma`".to_owned());
    };
    let is_scheme = scheme.starts_with(|letter: char| letter.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+.-".contains(&byte));
    if !is_scheme {
        return Some(
            "what stands before the first colon is no scheme: lower-case letters, digits, `+`, `.` and `-`, a letter first".to_owned(),
        );
    }
    if text.len() > LONGEST {
        return Some(format!("it is longer than {LONGEST} bytes"));
    }
    if rest.is_empty() || rest.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Some("behind the scheme, something without white space must stand".to_owned());
    }
    if scheme == AGENT { action_of(rest).err() } else { None }
}

impl FromStr for ToolUri {
    type Err = NotATool;

    fn from_str(text: &str) -> Result<Self, NotATool> {
        Self::try_from(text.to_owned())
    }
}

impl From<ToolUri> for String {
    fn from(uri: ToolUri) -> Self {
        uri.0
    }
}

impl fmt::Display for ToolUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl JsonSchema for ToolUri {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ToolUri".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[a-z][a-z0-9+.-]*:\\S+$", "description": "The address of a tool."})
    }
}

/// A tool as a plan pins it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its address.
    pub uri: ToolUri,
    /// The hash of its content that was planned, 64 hex digits.
    pub sha256: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_named_by_kind_and_name_and_every_other_scheme_is_kept() {
        let uri: ToolUri = "agent:infrastructure/deploy_kuma".parse().unwrap();
        let tool = uri.agent().unwrap();
        assert_eq!((tool.kind.as_str(), tool.machine, tool.action, uri.scheme()), ("infrastructure", None, "deploy_kuma", "agent"));
        assert_eq!(ToolUri::of_action(&tool.kind, tool.action).as_ref(), Ok(&uri));
        let one: ToolUri = "agent:desktop.desk1.lan/notify".parse().unwrap();
        assert_eq!(one.agent().unwrap().machine, Some("desk1.lan"));
        for other in
            ["mcp:http://host/mcp#math.add", "mcp:stdio:server#tool", "sire:local/file.write", "container:resize-image", "human:ask"]
        {
            let uri: ToolUri = other.parse().unwrap();
            assert_eq!((uri.as_str(), uri.agent()), (other, None));
            assert_eq!(serde_json::from_value::<ToolUri>(serde_json::json!(other)).unwrap(), uri);
        }
    }

    #[test]
    fn what_is_no_address_says_what_is_wrong_with_it() {
        for (bad, why) in [
            ("deploy_kuma", "no scheme"),
            (":x", "no scheme: lower-case"),
            ("MCP:x", "no scheme: lower-case"),
            ("mcp:", "something without white space"),
            ("mcp:a b", "something without white space"),
            ("agent:infrastructure", "agent:<kind>/<action>"),
            ("agent:Desktop/notify", "`Desktop` can't be the name of a kind"),
            ("agent:control/notify", "`control` can't be the name of a kind"),
            ("agent:desktop./notify", "no machine behind the dot"),
            ("agent:desktop/a/b", "`a/b` can't be an action's name"),
            ("agent:desktop/", "`` can't be an action's name"),
        ] {
            let said = bad.parse::<ToolUri>().expect_err(bad).to_string();
            assert!(said.starts_with(&format!("`{bad}` is no tool's address: ")) && said.contains(why), "{bad}: {said}");
        }
        assert!(format!("mcp:{}", "x".repeat(3_000)).parse::<ToolUri>().is_err());
    }
}

//! What is asked for without words: an action of the catalogue, where, and with what.

use chiffon_planning::planner::direct::Wish;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An action that is asked for by its name. `GET /actions/{name}` shows what it takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedAction {
    /// A name of the catalogue.
    #[schema(min_length = 1, example = "disk_report")]
    pub name: String,
    /// Where: hosts and groups of the inventory. An action that takes one host gets a step for each.
    #[serde(default)]
    #[schema(example = json!(["nas"]))]
    pub hosts: Vec<String>,
    /// Parameters by the action's schema; what is left out has its default. A secret is said as `secret://NAME`.
    #[serde(default)]
    pub parameters: Map<String, Value>,
}

impl AskedAction {
    /// As its planner takes it.
    pub fn wish(&self) -> Wish<'_> {
        Wish { name: &self.name, hosts: &self.hosts, parameters: &self.parameters }
    }
}

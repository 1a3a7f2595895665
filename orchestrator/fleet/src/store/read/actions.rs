//! The catalogue as people see it: each action's versions, and which agents have them.

use std::collections::BTreeMap;

use chiffon_kernel::store::Error;
use chiffon_plans::domain::not_offered::NotOffered;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgPool;
use utoipa::ToSchema;

use crate::store::catalogue;

/// One content of an action.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct VersionView {
    /// The hash of its folder.
    pub sha256: String,
    /// When it was first announced.
    pub first_seen_at: DateTime<Utc>,
    /// The agents that have it now.
    pub agents: Vec<String>,
}

/// An action: the newest version that an agent has, and the others beside it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ActionView {
    /// What its action.yml says; its fields stand beside `versions`.
    #[serde(flatten)]
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    pub spec: Value,
    /// The content that new plans use.
    pub sha256: String,
    /// All contents that agents have, newest first. More than one means that agents differ.
    pub versions: Vec<VersionView>,
}

/// An action that an agent has and does not offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NotOfferedView {
    /// Its name.
    pub name: String,
    /// The agent that has it.
    pub agent_id: String,
    /// The error code.
    pub code: i32,
    /// Everything that is wrong with it, and what to do.
    pub reason: String,
}

/// What agents have and do not offer, by name.
pub async fn not_offered(pool: &PgPool) -> Result<Vec<NotOfferedView>, Error> {
    let found = catalogue::not_offered(pool).await?.into_iter();
    Ok(found.map(|NotOffered { name, agent_id, code, reason }| NotOfferedView { name, agent_id, code, reason }).collect())
}

/// All actions that agents announce, or the one of this name, by name.
pub async fn list(pool: &PgPool, name: Option<&str>) -> Result<Vec<ActionView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT a.name, a.sha256, a.spec, a.first_seen_at, array_agg(g.agent_id ORDER BY g.agent_id) AS "agents!"
        FROM agent_actions g
        JOIN actions a ON a.name = g.name AND a.sha256 = g.sha256
        WHERE $1::text IS NULL OR a.name = $1
        GROUP BY a.name, a.sha256
        ORDER BY a.name, a.first_seen_at DESC, a.sha256"#,
        name,
    )
    .fetch_all(pool)
    .await?;
    let mut actions = BTreeMap::<String, ActionView>::new();
    for row in rows {
        let version = VersionView { sha256: row.sha256.clone(), first_seen_at: row.first_seen_at, agents: row.agents };
        actions
            .entry(row.name)
            .or_insert_with(|| ActionView { spec: row.spec, sha256: row.sha256, versions: Vec::new() })
            .versions
            .push(version);
    }
    Ok(actions.into_values().collect())
}

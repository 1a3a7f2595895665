//! What could be planned: the newest version of each action that an agent has, and the hosts that agents know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chiffon_kernel::store::Error;
use chiffon_plans::domain::catalogue::{Catalogue, CatalogueAction, Version};
use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::not_offered::NotOffered;
use sqlx::{PgConnection, PgExecutor};

use super::actions::{self, Key};
use super::inventories::{self, Inventory};

/// The catalogue and the fleet, of agents that are connected and of those that were: what waits for one of them says so.
pub async fn load(connection: &mut PgConnection) -> Result<(Catalogue, Arc<Fleet>), Error> {
    let newest = sqlx::query!(
        "SELECT DISTINCT ON (a.name) a.name, a.sha256
        FROM actions a
        JOIN agent_actions h ON h.name = a.name AND h.sha256 = a.sha256
        ORDER BY a.name, a.first_seen_at DESC, a.sha256",
    )
    .fetch_all(&mut *connection)
    .await?;
    let newest: Vec<Key> = newest.into_iter().map(|row| (row.name, row.sha256)).collect();
    let specs = actions::list(connection, &newest).await?;
    let action = |key: Key| specs.get(&key).map(|spec| CatalogueAction { spec: Arc::clone(spec), sha256: key.1 });
    let newest: Vec<CatalogueAction> = newest.into_iter().filter_map(action).collect();
    let agents = agents(connection).await?;
    let versions = versions(connection, &agents).await?;
    let catalogue = Catalogue::new(newest).with_versions(versions).with_not_offered(not_offered(connection).await?);
    Ok((catalogue, inventories::together(agents.into_iter().map(|agent| (agent.id, agent.inventory)))))
}

/// The hosts that agents know, by group.
pub async fn fleet(connection: &mut PgConnection) -> Result<Arc<Fleet>, Error> {
    let rows = sqlx::query!(r#"SELECT id, encode(sha256(convert_to(hosts::text, 'UTF8')), 'hex') AS "digest!" FROM agents ORDER BY id"#)
        .fetch_all(&mut *connection)
        .await?;
    let asked: Vec<(&str, &str)> = rows.iter().map(|row| (row.id.as_str(), row.digest.as_str())).collect();
    let inventories = inventories::of(connection, &asked).await?;
    Ok(inventories::together(rows.iter().map(|row| row.id.clone()).zip(inventories)))
}

/// What an agent has.
struct Agent {
    id: String,
    inventory: Arc<Inventory>,
    actions: Vec<Key>,
}

/// All that said hello, those that are connected first.
async fn agents(connection: &mut PgConnection) -> Result<Vec<Agent>, Error> {
    let rows = sqlx::query!(
        r#"SELECT a.id, encode(sha256(convert_to(a.hosts::text, 'UTF8')), 'hex') AS "digest!",
            COALESCE((SELECT jsonb_object_agg(h.name, h.sha256) FROM agent_actions h WHERE h.agent_id = a.id), '{}') AS "actions!"
        FROM agents a
        ORDER BY a.lease_expires_at > now() DESC, a.id"#,
    )
    .fetch_all(&mut *connection)
    .await?;
    let asked: Vec<(&str, &str)> = rows.iter().map(|row| (row.id.as_str(), row.digest.as_str())).collect();
    let inventories = inventories::of(connection, &asked).await?;
    let agent = |(id, actions, inventory)| Agent {
        id,
        inventory,
        actions: serde_json::from_value::<BTreeMap<String, String>>(actions).unwrap_or_default().into_iter().collect(),
    };
    Ok(rows.into_iter().zip(inventories).map(|(row, inventory)| agent((row.id, row.actions, inventory))).collect())
}

async fn versions(connection: &mut PgConnection, agents: &[Agent]) -> Result<Vec<Version>, Error> {
    let wanted: BTreeSet<Key> = agents.iter().flat_map(|agent| agent.actions.iter().cloned()).collect();
    let specs = actions::list(connection, &wanted.into_iter().collect::<Vec<_>>()).await?;
    let version = |agent: &Agent, key: &Key| {
        let spec = Arc::clone(specs.get(key)?);
        Some(Version { action: CatalogueAction { spec, sha256: key.1.clone() }, hosts: Arc::clone(&agent.inventory.hosts) })
    };
    Ok(agents.iter().flat_map(|agent| agent.actions.iter().filter_map(|key| version(agent, key)).collect::<Vec<_>>()).collect())
}

/// What agents have and do not offer, by name.
pub async fn not_offered(executor: impl PgExecutor<'_>) -> Result<Vec<NotOffered>, Error> {
    Ok(sqlx::query_as!(
        NotOffered,
        r#"SELECT a.id AS agent_id, n.value ->> 'name' AS "name!", (n.value ->> 'code')::int AS "code!", n.value ->> 'reason' AS "reason!"
        FROM agents a
        CROSS JOIN jsonb_array_elements(a.not_offered) n
        ORDER BY n.value ->> 'name', a.id"#,
    )
    .fetch_all(executor)
    .await?)
}

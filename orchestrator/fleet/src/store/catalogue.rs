//! What could be planned: the newest version of each action that an agent has, and the hosts that agents know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chiffon_kernel::store::Error;
use chiffon_kernel::store::stored_json::read_json;
use chiffon_plans::domain::catalogue::{Catalogue, CatalogueAction, Fleet, Version};
use chiffon_plans::domain::not_offered::NotOffered;
use chiffon_protocol::ErrorCode;
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

use super::actions::{self, Key};

/// The catalogue and the fleet, of agents that are connected and of those that were: what waits for one of them says so.
pub async fn load(connection: &mut PgConnection) -> Result<(Catalogue, Fleet), Error> {
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
    let versions = versions(connection).await?;
    let agents = sqlx::query!("SELECT id, hosts FROM agents ORDER BY id").fetch_all(&mut *connection).await?;
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for agent in agents {
        for (group, members) in groups_of(&agent.id, &agent.hosts) {
            groups.entry(group).or_default().extend(members);
        }
    }
    let catalogue = Catalogue::new(newest).with_versions(versions).with_not_offered(not_offered(connection).await?);
    Ok((catalogue, Fleet { groups }))
}

/// The hosts that an agent knows, by group. One whose hosts can't be read knows none: nothing is planned for it, and others are not held up.
fn groups_of(agent_id: &str, hosts: &Value) -> BTreeMap<String, BTreeSet<String>> {
    read_json("agents", "hosts", &agent_id, hosts).unwrap_or_else(|error: Error| {
        tracing::error!(code = ErrorCode::StoredDataUnreadable.number(), %error, "nothing is planned for an agent's hosts");
        BTreeMap::new()
    })
}

/// What each agent has, those that are connected first.
async fn versions(connection: &mut PgConnection) -> Result<Vec<Version>, Error> {
    let agents = sqlx::query!(
        r#"SELECT a.id, a.hosts,
            COALESCE((SELECT jsonb_object_agg(h.name, h.sha256) FROM agent_actions h WHERE h.agent_id = a.id), '{}') AS "actions!"
        FROM agents a
        ORDER BY a.lease_expires_at > now() DESC, a.id"#,
    )
    .fetch_all(&mut *connection)
    .await?;
    let agents: Vec<(Arc<BTreeSet<String>>, Vec<Key>)> = agents
        .into_iter()
        .map(|agent| {
            let groups = groups_of(&agent.id, &agent.hosts);
            let actions: BTreeMap<String, String> = serde_json::from_value(agent.actions).unwrap_or_default();
            (Arc::new(groups.into_values().flatten().collect()), actions.into_iter().collect())
        })
        .collect();
    let wanted: BTreeSet<Key> = agents.iter().flat_map(|(_, actions)| actions.iter().cloned()).collect();
    let specs = actions::list(connection, &wanted.into_iter().collect::<Vec<_>>()).await?;
    let version = |hosts: &Arc<BTreeSet<String>>, key: Key| {
        let spec = Arc::clone(specs.get(&key)?);
        Some(Version { action: CatalogueAction { spec, sha256: key.1 }, hosts: Arc::clone(hosts) })
    };
    Ok(agents
        .into_iter()
        .flat_map(|(hosts, actions)| actions.into_iter().filter_map(|key| version(&hosts, key)).collect::<Vec<_>>())
        .collect())
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

//! What could be planned: the newest version of each action that an agent has, and the hosts that agents know.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_kernel::store::Error;
use chiffon_plans::domain::catalogue::{Catalogue, CatalogueAction, Fleet, Version};
use chiffon_plans::domain::not_offered::NotOffered;
use chiffon_protocol::ActionSpec;
use sqlx::{PgConnection, PgExecutor};

use super::actions::{self, read};

/// The catalogue and the fleet, of agents that are connected and of those that were: what waits for one of them says so.
pub async fn load(connection: &mut PgConnection) -> Result<(Catalogue, Fleet), Error> {
    let actions = sqlx::query!(
        "SELECT DISTINCT ON (a.name) a.name, a.sha256, a.spec
        FROM actions a
        JOIN agent_actions h ON h.name = a.name AND h.sha256 = a.sha256
        ORDER BY a.name, a.first_seen_at DESC, a.sha256",
    )
    .fetch_all(&mut *connection)
    .await?;
    let actions: Result<Vec<CatalogueAction>, Error> =
        actions.into_iter().map(|row| Ok(CatalogueAction { spec: read(&row.name, &row.spec)?, sha256: row.sha256 })).collect();
    let versions = versions(connection).await?;
    let hosts = sqlx::query_scalar!("SELECT hosts FROM agents ORDER BY id").fetch_all(&mut *connection).await?;
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for hosts in hosts {
        let known: BTreeMap<String, Vec<String>> = serde_json::from_value(hosts).unwrap_or_default();
        for (group, members) in known {
            groups.entry(group).or_default().extend(members);
        }
    }
    let catalogue = Catalogue::new(actions?).with_versions(versions).with_not_offered(not_offered(connection).await?);
    Ok((catalogue, Fleet { groups }))
}

/// What each agent has, those that are connected first.
async fn versions(connection: &mut PgConnection) -> Result<Vec<Version>, Error> {
    let agents = sqlx::query!(
        r#"SELECT a.hosts,
            COALESCE((SELECT jsonb_object_agg(h.name, h.sha256) FROM agent_actions h WHERE h.agent_id = a.id), '{}') AS "actions!"
        FROM agents a
        ORDER BY a.lease_expires_at > now() DESC, a.id"#,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut known: BTreeMap<(String, String), Option<ActionSpec>> = BTreeMap::new();
    let mut versions = Vec::new();
    for agent in agents {
        let groups: BTreeMap<String, BTreeSet<String>> = serde_json::from_value(agent.hosts).unwrap_or_default();
        let hosts: BTreeSet<String> = groups.into_values().flatten().collect();
        let actions: BTreeMap<String, String> = serde_json::from_value(agent.actions).unwrap_or_default();
        for (name, sha256) in actions {
            let key = (name, sha256);
            if !known.contains_key(&key) {
                known.insert(key.clone(), actions::get(connection, &key.0, &key.1).await?);
            }
            if let Some(spec) = known.get(&key).cloned().flatten() {
                versions.push(Version { action: CatalogueAction { spec, sha256: key.1 }, hosts: hosts.clone() });
            }
        }
    }
    Ok(versions)
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

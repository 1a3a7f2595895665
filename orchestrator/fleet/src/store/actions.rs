//! Versions of actions by content, and which agent has which.

use chiffon_kernel::store::Error;
use chiffon_kernel::store::storable::storable_json;
use chiffon_protocol::ActionSpec;
use chiffon_protocol::message::{AgentHello, AnnouncedAction};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// Stores what an agent announces, and forgets what it does not have any more; the versions that nobody had announced before.
pub async fn announce(connection: &mut PgConnection, hello: &AgentHello, at: DateTime<Utc>) -> Result<Vec<(String, String)>, Error> {
    let own: Vec<&AnnouncedAction> = hello.actions.iter().filter(|action| action.spec.agent_type == hello.agent_type).collect();
    let names: Vec<String> = own.iter().map(|action| action.spec.name.clone()).collect();
    let hashes: Vec<String> = own.iter().map(|action| action.sha256.clone()).collect();
    let specs: Vec<Value> = own.iter().map(|action| storable_json(serde_json::to_value(&action.spec).unwrap_or_default())).collect();
    let new = sqlx::query!(
        "INSERT INTO actions (name, sha256, agent_type, spec, first_seen_at)
        SELECT a.name, a.sha256, $4, a.spec, $5
        FROM unnest($1::text[], $2::text[], $3::jsonb[]) AS a (name, sha256, spec)
        ON CONFLICT DO NOTHING
        RETURNING name, sha256",
        &names,
        &hashes,
        &specs,
        hello.agent_type.as_str(),
        at,
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query!(
        "DELETE FROM agent_actions
        WHERE agent_id = $1 AND name <> ALL ($2)",
        hello.agent_id,
        &names,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "INSERT INTO agent_actions (agent_id, name, sha256, announced_at)
        SELECT $1, a.name, a.sha256, $4
        FROM unnest($2::text[], $3::text[]) AS a (name, sha256)
        ON CONFLICT (agent_id, name) DO UPDATE
        SET sha256 = EXCLUDED.sha256, announced_at = EXCLUDED.announced_at",
        hello.agent_id,
        &names,
        &hashes,
        at,
    )
    .execute(connection)
    .await?;
    Ok(new.into_iter().map(|row| (row.name, row.sha256)).collect())
}

/// One version of an action.
pub async fn get(connection: &mut PgConnection, name: &str, sha256: &str) -> Result<Option<ActionSpec>, Error> {
    let spec = sqlx::query_scalar!(
        "SELECT spec
        FROM actions
        WHERE name = $1 AND sha256 = $2",
        name,
        sha256,
    )
    .fetch_optional(connection)
    .await?;
    spec.map(|spec| read(name, &spec)).transpose()
}

pub(super) fn read(name: &str, spec: &Value) -> Result<ActionSpec, Error> {
    serde_json::from_value(spec.clone()).map_err(|_| Error::BadData {
        table: "actions",
        column: "spec",
        id: name.to_owned(),
        value: spec.to_string(),
    })
}

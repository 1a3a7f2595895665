//! Versions of actions by content, and which agent has which.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

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
pub async fn get(connection: &mut PgConnection, name: &str, sha256: &str) -> Result<Option<Arc<ActionSpec>>, Error> {
    let key = (name.to_owned(), sha256.to_owned());
    Ok(list(connection, std::slice::from_ref(&key)).await?.remove(&key))
}

/// A version by its name and content.
pub type Key = (String, String);

/// What versions say never changes, so each is read and parsed once by a process.
static READ: LazyLock<Mutex<HashMap<Key, Arc<ActionSpec>>>> = LazyLock::new(Mutex::default);
/// More are not kept.
const MOST_KEPT: usize = 8_192;

/// These versions, as far as somebody has announced them.
pub async fn list(connection: &mut PgConnection, keys: &[Key]) -> Result<HashMap<Key, Arc<ActionSpec>>, Error> {
    let mut found: HashMap<Key, Arc<ActionSpec>> = {
        let known = READ.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter().filter_map(|key| Some((key.clone(), Arc::clone(known.get(key)?)))).collect()
    };
    let missing: Vec<&Key> = keys.iter().filter(|key| !found.contains_key(*key)).collect();
    if missing.is_empty() {
        return Ok(found);
    }
    let (names, hashes): (Vec<String>, Vec<String>) = missing.into_iter().cloned().unzip();
    let rows = sqlx::query!(
        "SELECT a.name, a.sha256, a.spec
        FROM unnest($1::text[], $2::text[]) AS k (name, sha256)
        JOIN actions a ON a.name = k.name AND a.sha256 = k.sha256",
        &names,
        &hashes,
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let spec = Arc::new(read(&row.name, &row.spec)?);
        found.insert((row.name, row.sha256), spec);
    }
    let mut known = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() + found.len() > MOST_KEPT {
        known.clear();
    }
    known.extend(found.iter().take(MOST_KEPT).map(|(key, spec)| (key.clone(), Arc::clone(spec))));
    Ok(found)
}

fn read(name: &str, spec: &Value) -> Result<ActionSpec, Error> {
    serde_json::from_value(spec.clone()).map_err(|_| Error::BadData {
        table: "actions",
        column: "spec",
        id: name.to_owned(),
        value: spec.to_string(),
    })
}

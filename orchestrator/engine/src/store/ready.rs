//! What the dispatcher looks at: tasks that have no key yet, and of those that wait for one and the same thing only the first, once
//! that thing may be there. However many wait behind it, a look costs the same.

use chiffon_kernel::store::Error;
use chiffon_kernel::store::stored_json::read_json;
use chiffon_protocol::message::AgentType;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::placement::Wanted;
use crate::domain::wait_key;

/// A task whose steps before are completed.
#[derive(Debug, Clone)]
pub struct Ready {
    /// The task.
    pub task_id: Uuid,
    /// Its request.
    pub request_id: Uuid,
    /// The request's.
    pub priority: i32,
    /// When its plan made it.
    pub created_at: DateTime<Utc>,
    /// What it does, for people.
    pub title: String,
    /// What it needs.
    pub wanted: Wanted,
    /// What kept it from going when somebody last looked; `None` when nobody has looked since it came.
    pub wait_key: Option<String>,
    /// Whether people were told of that.
    pub is_explained: bool,
    /// Another number than before says that the row was written since.
    pub version: String,
    /// Whether whoever ordered it has still to say that it goes.
    pub asks_when: bool,
}

/// What a look finds.
#[derive(Debug, Default)]
pub struct Found {
    /// What can be placed.
    pub ready: Vec<Ready>,
    /// Tasks of which something can't be read, and why.
    pub unreadable: Vec<(Uuid, Error)>,
}

struct Row {
    id: Uuid,
    request_id: Uuid,
    priority: i32,
    created_at: DateTime<Utc>,
    title: String,
    agent_type: String,
    action: String,
    action_sha256: String,
    hosts: Vec<String>,
    resources: Value,
    excluded_agents: Vec<String>,
    message: String,
    exclusive: bool,
    only_verified: bool,
    wait_key: Option<String>,
    is_explained: bool,
    version: String,
    asks: Option<Vec<String>>,
}

impl TryFrom<Row> for Ready {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let bad = |column: &'static str, value: String| Error::BadData { table: "tasks", column, id: row.id.to_string(), value };
        let agent_type: AgentType = row.agent_type.parse().map_err(|_| bad("agent_type", row.agent_type.clone()))?;
        let resources = read_json("tasks", "resources", &row.id, &row.resources)?;
        let wanted = Wanted {
            agent_type,
            action: row.action,
            action_sha256: row.action_sha256,
            hosts: row.hosts,
            exclusive: row.exclusive,
            resources,
            excluded: row.excluded_agents.into_iter().collect(),
            last_decline: row.message,
            only_verified: row.only_verified,
        };
        Ok(Self {
            task_id: row.id,
            request_id: row.request_id,
            priority: row.priority,
            created_at: row.created_at,
            title: row.title,
            wanted,
            wait_key: row.wait_key.filter(|key| key != wait_key::LOOK),
            is_explained: row.is_explained,
            version: row.version,
            asks_when: row.asks.is_some_and(|asks| asks.iter().any(|word| word == "when")),
        })
    }
}

/// Whether there is anything that a dispatcher could offer or take back.
pub async fn has_any(connection: &mut PgConnection) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
            SELECT
            FROM tasks
            WHERE status IN ('pending', 'waiting', 'dispatched') AND finished_at IS NULL
        ) AS "any!""#,
    )
    .fetch_one(connection)
    .await?)
}

/// What one look takes: all that has no key, as far as `limit`; the first of each key whose thing may be there; what has waited
/// until its time; what its run has still to be asked about; and some of which nobody has been told yet why they wait. The most urgent and oldest first, without those that
/// this look has seen already.
pub async fn list(connection: &mut PgConnection, now: DateTime<Utc>, seen: &[Uuid], limit: i64, to_explain: i64) -> Result<Found, Error> {
    let ids = sqlx::query_scalar!(
        r#"WITH RECURSIVE keys (key) AS (
            (
                SELECT wait_key
                FROM tasks
                WHERE status IN ('pending', 'waiting') AND finished_at IS NULL
                ORDER BY wait_key
                LIMIT 1
            )
            UNION ALL
            SELECT (
                SELECT t.wait_key
                FROM tasks t
                WHERE t.status IN ('pending', 'waiting') AND t.finished_at IS NULL AND t.wait_key > keys.key
                ORDER BY t.wait_key
                LIMIT 1
            )
            FROM keys
            WHERE keys.key IS NOT NULL
        ), worth_a_look (key) AS MATERIALIZED (
            SELECT keys.key
            FROM keys
            WHERE keys.key NOT IN ('look', 'steps', 'time', 'resume')
            AND CASE
                WHEN keys.key LIKE 'host:%'
                    THEN NOT EXISTS (SELECT FROM host_locks l WHERE l.host = substr(keys.key, 6) AND l.kept_at IS NULL)
                WHEN keys.key LIKE 'kept:%'
                    THEN NOT EXISTS (SELECT FROM host_locks l WHERE l.host = substr(keys.key, 6) AND l.kept_at IS NOT NULL)
                ELSE true
            END
        )
        (
            SELECT id AS "id!"
            FROM placeable_tasks
            WHERE wait_key = 'look' AND (resend_at IS NULL OR resend_at <= $1) AND id <> ALL ($2)
            ORDER BY priority DESC, created_at, id
            LIMIT $3
        )
        UNION
        SELECT first.id
        FROM worth_a_look
        CROSS JOIN LATERAL (
            SELECT id
            FROM placeable_tasks
            WHERE wait_key = worth_a_look.key AND id <> ALL ($2)
            ORDER BY priority DESC, created_at, id
            LIMIT 1
        ) first
        UNION
        (
            SELECT id
            FROM placeable_tasks
            WHERE wait_key = 'time' AND COALESCE(resend_at, '-infinity') <= $1 AND id <> ALL ($2)
            LIMIT $3
        )
        UNION
        (
            SELECT id
            FROM placeable_tasks
            WHERE NOT is_explained AND id <> ALL ($2)
            ORDER BY priority DESC, created_at, id
            LIMIT $4
        )
        UNION
        (
            SELECT id
            FROM ready_tasks
            WHERE wait_key = 'look' AND status = 'pending' AND finished_at IS NULL AND 'when' = ANY (asks) AND id <> ALL ($2)
            LIMIT $3
        )"#,
        now,
        seen,
        limit,
        to_explain,
    )
    .fetch_all(&mut *connection)
    .await?;
    if ids.is_empty() { Ok(Found::default()) } else { get(connection, &ids).await }
}

/// The next of a key after its first went, or came to wait for something else: at most so many, in the order of all.
pub async fn list_next(connection: &mut PgConnection, key: &str, seen: &[Uuid], limit: i64) -> Result<Found, Error> {
    let ids = sqlx::query_scalar!(
        r#"SELECT id AS "id!"
        FROM placeable_tasks
        WHERE wait_key = $1 AND id <> ALL ($2)
        ORDER BY priority DESC, created_at, id
        LIMIT $3"#,
        key,
        seen,
        limit,
    )
    .fetch_all(&mut *connection)
    .await?;
    if ids.is_empty() { Ok(Found::default()) } else { get(connection, &ids).await }
}

/// These tasks as far as they wait, the most urgent and oldest first.
pub async fn get(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Found, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT t.id, t.request_id, t.priority, t.created_at, t.title, t.agent_type, t.action, t.action_sha256, t.hosts, t.resources,
            t.excluded_agents, t.message, (t.mode = 'apply' AND t.risk <> 'read_only') AS "exclusive!",
            (t.mode = 'check' OR t.attempt > 1 OR EXISTS (
                SELECT
                FROM task_attempts a
                WHERE a.task_id = t.id AND a.claim_id IS NOT NULL
            )) AS "only_verified!", t.wait_key, t.is_explained, t.xmin::text AS "version!", t.asks
        FROM tasks t
        WHERE t.id = ANY ($1) AND t.status IN ('pending', 'waiting') AND t.finished_at IS NULL
        ORDER BY t.priority DESC, t.created_at, t.id"#,
        ids,
    )
    .fetch_all(connection)
    .await?;
    let mut found = Found::default();
    for row in rows {
        let task_id = row.id;
        match Ready::try_from(row) {
            Ok(task) => found.ready.push(task),
            Err(error) => found.unreadable.push((task_id, error)),
        }
    }
    Ok(found)
}

/// A task with the key of what it waits for.
#[derive(Debug, Clone)]
pub struct Keyed {
    /// The task.
    pub task_id: Uuid,
    /// As it was read.
    pub version: String,
    /// What keeps it from going.
    pub key: String,
}

/// Keeps these tasks out of the next looks until what they wait for may be there. One that was written since, or that somebody
/// holds, is looked at again instead.
pub async fn set_keys(connection: &mut PgConnection, keyed: &[Keyed]) -> Result<(), Error> {
    let ids: Vec<Uuid> = keyed.iter().map(|keyed| keyed.task_id).collect();
    let versions: Vec<String> = keyed.iter().map(|keyed| keyed.version.clone()).collect();
    let keys: Vec<String> = keyed.iter().map(|keyed| keyed.key.clone()).collect();
    sqlx::query!(
        "UPDATE tasks
        SET wait_key = new.key, is_explained = false
        FROM (
            SELECT t.id, k.key
            FROM unnest($1::uuid[], $2::text[], $3::text[]) AS k (id, version, key)
            JOIN tasks t ON t.id = k.id
            WHERE t.xmin::text = k.version AND t.status IN ('pending', 'waiting')
            ORDER BY t.id
            FOR UPDATE OF t SKIP LOCKED
        ) new
        WHERE tasks.id = new.id",
        &ids,
        &versions,
        &keys,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that people know by now what these tasks wait for.
pub async fn set_explained(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<(), Error> {
    sqlx::query!("UPDATE tasks SET is_explained = true WHERE id = ANY ($1)", task_ids).execute(connection).await?;
    Ok(())
}

/// Whether a task is ready: all before it is over, and nobody holds its request.
pub async fn is_ready(connection: &mut PgConnection, task_id: Uuid) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM ready_tasks WHERE id = $1) AS "is_ready!""#, task_id)
        .fetch_one(connection)
        .await?)
}

/// Keeps the tasks of a request that is held out of all looks.
pub async fn hold(connection: &mut PgConnection, request_id: Uuid) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE tasks
        SET wait_key = 'resume', is_explained = true
        WHERE request_id = $1 AND status IN ('pending', 'waiting') AND finished_at IS NULL AND wait_key IS DISTINCT FROM 'steps'",
        request_id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets the tasks of a request be looked at that is not held any more.
pub async fn resume(connection: &mut PgConnection, request_id: Uuid) -> Result<(), Error> {
    sqlx::query!("UPDATE tasks SET wait_key = 'look' WHERE request_id = $1 AND wait_key = 'resume'", request_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The net under those three: an orchestrator of the version before wakes nobody. How many were let go.
pub async fn wake_missed(connection: &mut PgConnection) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE tasks
        SET wait_key = 'look'
        WHERE id IN (
            SELECT t.id
            FROM tasks t
            JOIN ready_tasks p ON p.id = t.id
            WHERE t.status IN ('pending', 'waiting') AND t.finished_at IS NULL AND t.wait_key IN ('steps', 'resume')
            ORDER BY t.id
            FOR UPDATE OF t SKIP LOCKED
        )",
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

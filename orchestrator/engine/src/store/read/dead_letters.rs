//! Dead letters as operators see them.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgPool;
use utoipa::ToSchema;
use uuid::Uuid;

/// Which letters.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `open | replayed | purged`; `None` for all.
    pub state: Option<String>,
    /// From this queue.
    pub queue: Option<String>,
    /// Rejected with this code.
    pub code: Option<i32>,
    /// From this sender.
    pub sender: Option<String>,
    /// Older than this one (the cursor).
    pub before: Option<Uuid>,
}

/// A message that could not be dealt with.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DeadLetter {
    /// Names it for show, replay and purge.
    pub id: Uuid,
    /// `open | replayed | purged`
    pub state: String,
    /// When it first died.
    pub died_at: DateTime<Utc>,
    /// When the same last died.
    pub last_died_at: DateTime<Utc>,
    /// How often the same has died while it lay here.
    pub times: i32,
    /// Where it came from; empty where nobody said.
    pub queue: String,
    /// The error code; null where the broker itself gave up on it.
    pub code: Option<i32>,
    /// Why it died.
    pub reason: String,
    /// Whose signature it carries: an agent, a principal, or `chiffon`; null unless the signature fitted.
    pub sender: Option<String>,
    /// The key that its signature names, believed or not.
    pub key_id: Option<String>,
    /// What the signature was worth: `valid | expired | missing | invalid`
    pub signature: String,
    /// What it says it is.
    pub message_type: Option<String>,
    /// The envelope's.
    pub message_id: Option<Uuid>,
    /// The envelope's.
    pub trace_id: Option<String>,
    /// The request it names.
    pub request_id: Option<Uuid>,
    /// The task it names.
    pub task_id: Option<Uuid>,
    /// The attempt it names.
    pub attempt: Option<i32>,
    /// How many bytes it had.
    pub body_bytes: i64,
    /// The dead letter whose replay this was.
    pub replay_of: Option<Uuid>,
    /// When it was replayed or purged.
    pub settled_at: Option<DateTime<Utc>>,
    /// By whom; `chiffon` by itself.
    pub settled_by: Option<String>,
    /// What came of it.
    pub note: Option<String>,
}

/// At most `limit` letters, newest first (their ids are time-ordered).
pub async fn list(pool: &PgPool, filter: &Filter, limit: i64) -> Result<Vec<DeadLetter>, Error> {
    Ok(sqlx::query_as!(
        DeadLetter,
        r#"SELECT id, CASE WHEN purged_at IS NOT NULL THEN 'purged' WHEN replayed_at IS NOT NULL THEN 'replayed' ELSE 'open' END AS "state!",
            died_at, last_died_at, times, queue, code, reason, sender, key_id, signature, message_type, message_id, trace_id, request_id,
            task_id, attempt, body_bytes, replay_of, COALESCE(purged_at, replayed_at) AS settled_at,
            COALESCE(purged_by, replayed_by) AS settled_by, note
        FROM dead_letters
        WHERE ($1::text IS NULL OR $1 = CASE WHEN purged_at IS NOT NULL THEN 'purged' WHEN replayed_at IS NOT NULL THEN 'replayed' ELSE 'open' END)
        AND ($2::text IS NULL OR queue = $2)
        AND ($3::int IS NULL OR code = $3)
        AND ($4::text IS NULL OR sender = $4)
        AND ($5::uuid IS NULL OR id < $5)
        ORDER BY id DESC
        LIMIT $6"#,
        filter.state.as_deref(),
        filter.queue.as_deref(),
        filter.code,
        filter.sender.as_deref(),
        filter.before,
        limit,
    )
    .fetch_all(pool)
    .await?)
}

/// How many nobody has replayed or purged.
pub async fn count_open(pool: &PgPool) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
        FROM dead_letters
        WHERE replayed_at IS NULL AND purged_at IS NULL"#
    )
    .fetch_one(pool)
    .await?)
}

/// A letter with its content: headers and bytes.
pub async fn get(pool: &PgPool, id: Uuid) -> Result<Option<(DeadLetter, Value, Vec<u8>)>, Error> {
    let content = sqlx::query!("SELECT headers, body FROM dead_letters WHERE id = $1", id).fetch_optional(pool).await?;
    let Some(content) = content else { return Ok(None) };
    let letter = sqlx::query_as!(
        DeadLetter,
        r#"SELECT id, CASE WHEN purged_at IS NOT NULL THEN 'purged' WHEN replayed_at IS NOT NULL THEN 'replayed' ELSE 'open' END AS "state!",
            died_at, last_died_at, times, queue, code, reason, sender, key_id, signature, message_type, message_id, trace_id, request_id,
            task_id, attempt, body_bytes, replay_of, COALESCE(purged_at, replayed_at) AS settled_at,
            COALESCE(purged_by, replayed_by) AS settled_by, note
        FROM dead_letters
        WHERE id = $1"#,
        id,
    )
    .fetch_optional(pool)
    .await?;
    Ok(letter.map(|letter| (letter, content.headers, content.body)))
}

//! Dead letters: kept once however often they are delivered, settled once by a replay or a purge, bounded in time and number.

use std::collections::BTreeMap;

use chiffon_kernel::store::Error;
use chiffon_kernel::store::storable::storable_json;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::dead_letter::Facts;

/// A letter to be kept.
#[derive(Debug, Clone)]
pub struct New<'n> {
    /// Its id, unless the same lies here already.
    pub id: Uuid,
    /// What it says of itself.
    pub facts: &'n Facts,
    /// What its signature is worth: `valid | expired | missing | invalid`.
    pub signature: &'n str,
    /// Whose key signed it.
    pub sender: Option<&'n str>,
    /// Its headers.
    pub headers: &'n BTreeMap<String, String>,
    /// Its bytes, cut to what is kept.
    pub body: &'n [u8],
    /// How many it had.
    pub body_bytes: usize,
    /// Whether it was delivered before, so that it may have been kept already.
    pub redelivered: bool,
}

/// Keeps a letter; the id under which it lies, its own or that of the one that says the same.
pub async fn add(connection: &mut PgConnection, new: &New<'_>, at: DateTime<Utc>) -> Result<Uuid, Error> {
    let facts = new.facts;
    if new.redelivered
        && let Some(kept) = newest(connection, &facts.fingerprint).await?
    {
        return Ok(kept);
    }
    let headers = storable_json(serde_json::to_value(new.headers).unwrap_or_default());
    Ok(sqlx::query_scalar!(
        "INSERT INTO dead_letters AS d (id, fingerprint, queue, code, reason, signature, key_id, sender, message_type, message_id, trace_id,
            request_id, task_id, attempt, offer, headers, body, body_bytes, died_at, last_died_at, replay_of, replays)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19, $20,
            COALESCE((SELECT replays + 1 FROM dead_letters WHERE id = $20), 0))
        ON CONFLICT (fingerprint) WHERE replayed_at IS NULL AND purged_at IS NULL DO UPDATE
        SET times = d.times + 1, last_died_at = $19, signature = $6, sender = $8, message_id = $10, headers = $16, body = $17, body_bytes = $18
        RETURNING id",
        new.id,
        facts.fingerprint,
        facts.queue,
        facts.code,
        facts.reason,
        new.signature,
        facts.key_id.as_deref(),
        new.sender,
        facts.message_type.as_deref(),
        facts.message_id,
        facts.trace_id.as_deref(),
        facts.request_id,
        facts.task_id,
        facts.attempt,
        facts.offer,
        headers,
        new.body,
        i64::try_from(new.body_bytes).unwrap_or(i64::MAX),
        at,
        facts.replay_of,
    )
    .fetch_one(connection)
    .await?)
}

/// How many open letters nobody trusted has signed, counted no further than to `most`.
pub async fn count_strangers(connection: &mut PgConnection, most: i64) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
        FROM (SELECT FROM dead_letters WHERE sender IS NULL AND replayed_at IS NULL AND purged_at IS NULL LIMIT $1) AS open"#,
        most,
    )
    .fetch_one(connection)
    .await?)
}

async fn newest(connection: &mut PgConnection, fingerprint: &[u8]) -> Result<Option<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT id
        FROM dead_letters
        WHERE fingerprint = $1
        ORDER BY id DESC
        LIMIT 1",
        fingerprint,
    )
    .fetch_optional(connection)
    .await?)
}

/// A letter as far as replaying it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Its id.
    pub id: Uuid,
    /// Where it came from.
    pub queue: String,
    /// The error code; `None` where the broker gave up on it.
    pub code: Option<i32>,
    /// Why it died.
    pub reason: String,
    /// What it says it is.
    pub message_type: Option<String>,
    /// The envelope's.
    pub message_id: Option<Uuid>,
    /// The request it names.
    pub request_id: Option<Uuid>,
    /// The task it names.
    pub task_id: Option<Uuid>,
    /// The attempt it names.
    pub attempt: Option<i32>,
    /// The offer it names.
    pub offer: Option<i32>,
    /// Its headers.
    pub headers: Value,
    /// Its bytes.
    pub body: Vec<u8>,
    /// How many it had.
    pub body_bytes: i64,
    /// How often it had been replayed before it died.
    pub replays: i32,
    /// When it was replayed.
    pub replayed_at: Option<DateTime<Utc>>,
    /// By whom.
    pub replayed_by: Option<String>,
    /// When it was purged.
    pub purged_at: Option<DateTime<Utc>>,
    /// By whom.
    pub purged_by: Option<String>,
}

/// Locks a letter until the transaction ends; `None` when there is none.
pub async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Letter>, Error> {
    Ok(sqlx::query_as!(
        Letter,
        "SELECT id, queue, code, reason, message_type, message_id, request_id, task_id, attempt, offer, headers, body, body_bytes, replays,
            replayed_at, replayed_by, purged_at, purged_by
        FROM dead_letters
        WHERE id = $1
        FOR UPDATE",
        id,
    )
    .fetch_optional(connection)
    .await?)
}

/// Notes that a letter was replayed. The caller holds its row and has seen that it is open.
pub async fn set_replayed(connection: &mut PgConnection, id: Uuid, by: &str, note: &str, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE dead_letters
        SET replayed_at = $4, replayed_by = $2, note = $3
        WHERE id = $1",
        id,
        by,
        note,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How often offers of an attempt have died.
pub async fn count_offers(connection: &mut PgConnection, task_id: Uuid, attempt: i32) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
        FROM dead_letters
        WHERE task_id = $1 AND attempt = $2 AND message_type = 'work_request' AND sender IS NOT NULL"#,
        task_id,
        attempt,
    )
    .fetch_one(connection)
    .await?)
}

/// Which open letters; what is `None` is not asked.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// These.
    pub ids: Option<Vec<Uuid>>,
    /// From this queue.
    pub queue: Option<String>,
    /// Rejected with this code.
    pub code: Option<i32>,
    /// From this sender.
    pub sender: Option<String>,
    /// Died before this.
    pub before: Option<DateTime<Utc>>,
}

/// Throws the content of open letters away; their ids.
pub async fn purge(connection: &mut PgConnection, which: &Which, by: &str, at: DateTime<Utc>) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE dead_letters
        SET purged_at = $7, purged_by = $6, body = ''
        WHERE replayed_at IS NULL AND purged_at IS NULL
        AND ($1::uuid[] IS NULL OR id = ANY ($1))
        AND ($2::text IS NULL OR queue = $2)
        AND ($3::int IS NULL OR code = $3)
        AND ($4::text IS NULL OR sender = $4)
        AND ($5::timestamptz IS NULL OR last_died_at < $5)
        RETURNING id",
        which.ids.as_deref(),
        which.queue.as_deref(),
        which.code,
        which.sender.as_deref(),
        which.before,
        by,
        at,
    )
    .fetch_all(connection)
    .await?)
}

/// What was let go because of its age, or because there were too many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// All of them.
    pub all: i64,
    /// Those that nobody had replayed or purged.
    pub open: i64,
}

/// Lets go of letters that died before `before`, and of those over `most` or over `most_bytes` together: first the settled ones, then
/// those that nobody trusted has signed, then the oldest. So a flood of strangers displaces nothing of ours.
pub async fn drop_old(connection: &mut PgConnection, before: DateTime<Utc>, most: i64, most_bytes: i64) -> Result<Dropped, Error> {
    let row = sqlx::query!(
        r#"WITH ordered AS (
            SELECT id, row_number() OVER worth AS place, sum(octet_length(body)) OVER worth AS bytes
            FROM dead_letters
            WINDOW worth AS (ORDER BY (replayed_at IS NULL AND purged_at IS NULL) DESC, (sender IS NOT NULL) DESC, id DESC)
        ), dropped AS (
            DELETE FROM dead_letters
            WHERE last_died_at < $1 OR id IN (SELECT id FROM ordered WHERE place > $2 OR bytes > $3)
            RETURNING replayed_at IS NULL AND purged_at IS NULL AS open
        )
        SELECT count(*) AS "all!", count(*) FILTER (WHERE open) AS "open!"
        FROM dropped"#,
        before,
        most,
        most_bytes,
    )
    .fetch_one(connection)
    .await?;
    Ok(Dropped { all: row.all, open: row.open })
}

/// Open letters that died of a fault of ours, by these codes, and are due to be tried again: `pauses[n]` seconds after death number n.
pub async fn list_faults(connection: &mut PgConnection, codes: &[i32], pauses: &[f64], now: DateTime<Utc>) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT id
        FROM dead_letters
        WHERE replayed_at IS NULL AND purged_at IS NULL AND code = ANY ($1) AND sender IS NOT NULL
        AND last_died_at + make_interval(secs => ($2::float8[])[replays + 1]) <= $3
        ORDER BY id
        LIMIT 100",
        codes,
        pauses,
        now,
    )
    .fetch_all(connection)
    .await?)
}

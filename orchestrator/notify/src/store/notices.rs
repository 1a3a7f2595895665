//! Notices: one row for each channel and occurrence, from when it came about until it was told, withdrawn or given up.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::kind::Kind;
use crate::domain::notice::Told;

/// A notice to be made.
#[derive(Debug, Clone)]
pub struct New<'n> {
    /// Its id.
    pub id: Uuid,
    /// The channel.
    pub channel: &'n str,
    /// Whom it is for.
    pub principal_id: Option<Uuid>,
    /// The request.
    pub request_id: Option<Uuid>,
    /// The plan to be decided.
    pub plan_sha256: Option<&'n str>,
    /// That of the plan.
    pub risk: Option<&'n str>,
    /// What is told.
    pub told: &'n Told,
}

/// Makes a notice, unless the channel has this occurrence already.
pub async fn add(connection: &mut PgConnection, new: &New<'_>, at: DateTime<Utc>) -> Result<bool, Error> {
    let told = new.told;
    let done = sqlx::query!(
        "INSERT INTO notices (id, channel, dedup_key, kind, principal_id, request_id, plan_sha256, risk, title, body, path, due_at, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)
        ON CONFLICT (channel, dedup_key) DO NOTHING",
        new.id,
        new.channel,
        told.dedup_key,
        told.kind.as_str(),
        new.principal_id,
        new.request_id,
        new.plan_sha256,
        new.risk,
        told.title,
        told.body,
        told.path,
        at,
        told.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A notice that is to be delivered now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its id, under which receivers drop doubles.
    pub id: Uuid,
    /// What it is about.
    pub kind: Kind,
    /// The request.
    pub request_id: Option<Uuid>,
    /// The plan to be decided.
    pub plan_sha256: Option<String>,
    /// That of the plan.
    pub risk: Option<String>,
    /// On one line.
    pub title: String,
    /// More of it.
    pub body: String,
    /// Where its link leads.
    pub path: String,
    /// Tries, this one included.
    pub attempts: i32,
    /// When it came about.
    pub created_at: DateTime<Utc>,
    /// From then on nobody has a use for it.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Takes the next due notice of a channel for a try, which counts as failed unless it is noted before `until`.
pub async fn claim(connection: &mut PgConnection, channel: &str, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<Option<Due>, Error> {
    let row = sqlx::query!(
        "UPDATE notices
        SET attempts = attempts + 1, due_at = $3, message_id = COALESCE(message_id, id)
        WHERE id = (
            SELECT id
            FROM notices
            WHERE channel = $1 AND state = 'pending' AND due_at <= $2
            ORDER BY due_at, id
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        )
        RETURNING id, kind, request_id, plan_sha256, risk, title, body, path, attempts, created_at, expires_at",
        channel,
        now,
        until,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let bad = || Error::BadData { table: "notices", column: "kind", id: row.id.to_string(), value: row.kind.clone() };
    let kind = Kind::from_word(&row.kind).ok_or_else(bad)?;
    Ok(Some(Due {
        id: row.id,
        kind,
        request_id: row.request_id,
        plan_sha256: row.plan_sha256,
        risk: row.risk,
        title: row.title,
        body: row.body,
        path: row.path,
        attempts: row.attempts,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }))
}

/// Notes how a try ended for good: `sent`, `withdrawn` or `given_up`. `false` where another try has begun since.
pub async fn settle(connection: &mut PgConnection, due: &Due, state: &str, why: Option<&str>, at: DateTime<Utc>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE notices
        SET state = $3, last_error = $4, settled_at = $5
        WHERE id = $1 AND attempts = $2 AND state = 'pending'",
        due.id,
        due.attempts,
        state,
        why,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that a try failed, and when the next one is. What else the channel has waits until then, too.
pub async fn put_off(connection: &mut PgConnection, channel: &str, due: &Due, why: &str, next: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE notices
        SET due_at = GREATEST(due_at, $3)
        WHERE channel = $1 AND state = 'pending' AND id <> $2",
        channel,
        due.id,
        next,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE notices
        SET due_at = $3, last_error = $4
        WHERE id = $1 AND attempts = $2 AND state = 'pending'",
        due.id,
        due.attempts,
        next,
        why,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Has a given-up notice tried again. `None` where there is no such notice, else the state in which it was.
pub async fn retry(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        "WITH found AS (
            SELECT id, state
            FROM notices
            WHERE id = $1
            FOR UPDATE
        ), done AS (
            UPDATE notices n
            SET state = 'pending', due_at = $2, created_at = $2, settled_at = NULL
            FROM found
            WHERE n.id = found.id AND found.state = 'given_up'
        )
        SELECT state
        FROM found",
        id,
        at,
    )
    .fetch_optional(connection)
    .await?)
}

/// Withdraws what waits for channels that are none of these.
pub async fn withdraw_others(connection: &mut PgConnection, channels: &[String], at: DateTime<Utc>) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE notices
        SET state = 'withdrawn', last_error = 'the channel is not in the configuration any more', settled_at = $2
        WHERE state = 'pending' AND channel <> ALL ($1)",
        channels,
        at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Lets go what was settled before this.
pub async fn forget(connection: &mut PgConnection, before: DateTime<Utc>) -> Result<u64, Error> {
    let done = sqlx::query!("DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE settled_at < $1 LIMIT 1000)", before)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// A notice as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ListedNotice)]
pub struct Listed {
    /// Its id, which receivers see, too.
    pub notice_id: Uuid,
    /// The channel.
    pub channel: String,
    /// What it is about.
    pub kind: String,
    /// On one line.
    pub title: String,
    /// More of it.
    pub body: String,
    /// The request.
    pub request_id: Option<Uuid>,
    /// `pending | sent | withdrawn | given_up`
    pub state: String,
    /// Tries begun.
    pub attempts: i32,
    /// When it is tried next, while it waits.
    pub next_try_at: Option<DateTime<Utc>>,
    /// Why the last try failed, or why it was withdrawn.
    pub last_error: Option<String>,
    /// When it came about, or was last tried again by hand.
    pub created_at: DateTime<Utc>,
    /// When it was sent, withdrawn or given up.
    pub settled_at: Option<DateTime<Utc>>,
}

/// Notices, newest first, at most `limit`; all, or those in a state. `before` is the cursor.
pub async fn list(connection: &mut PgConnection, state: Option<&str>, before: Option<Uuid>, limit: i64) -> Result<Vec<Listed>, Error> {
    Ok(sqlx::query_as!(
        Listed,
        "SELECT id AS notice_id, channel, kind, title, body, request_id, state, attempts,
            CASE WHEN state = 'pending' THEN due_at END AS next_try_at, last_error, created_at, settled_at
        FROM notices
        WHERE ($1::text IS NULL OR state = $1) AND ($2::uuid IS NULL OR id < $2)
        ORDER BY id DESC
        LIMIT $3",
        state,
        before,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// What a channel has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The channel.
    pub channel: String,
    /// Notices that wait.
    pub waiting: i64,
    /// Since when the oldest of them does.
    pub oldest: Option<DateTime<Utc>>,
    /// Notices that were given up and are kept.
    pub given_up: i64,
    /// When one was last sent.
    pub last_sent_at: Option<DateTime<Utc>>,
    /// Why the last failed try of what waits or was given up failed.
    pub last_error: Option<String>,
}

/// What all channels have.
pub async fn standing(connection: &mut PgConnection) -> Result<Vec<Standing>, Error> {
    Ok(sqlx::query_as!(
        Standing,
        r#"SELECT channel,
            count(*) FILTER (WHERE state = 'pending') AS "waiting!",
            min(created_at) FILTER (WHERE state = 'pending') AS oldest,
            count(*) FILTER (WHERE state = 'given_up') AS "given_up!",
            max(settled_at) FILTER (WHERE state = 'sent') AS last_sent_at,
            (array_agg(last_error ORDER BY id DESC) FILTER (WHERE state IN ('pending', 'given_up') AND last_error IS NOT NULL))[1] AS last_error
        FROM notices
        GROUP BY channel
        ORDER BY channel"#,
    )
    .fetch_all(connection)
    .await?)
}

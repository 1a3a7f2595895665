//! Notices: one row for each channel and occurrence, from when it came about until it was told, withdrawn or given up.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::kind::Kind;
use crate::domain::notice::Told;

/// So many are told in one message: some receivers take no longer ones.
pub const MOST_TOGETHER: i64 = 10;

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
    /// Until when it is held.
    pub held_until: Option<DateTime<Utc>>,
}

/// Until when what a channel holds already is held, if it is not told before; the soonest.
pub async fn gathering(connection: &mut PgConnection, channel: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT min(held_until) FROM notices WHERE channel = $1 AND state = 'pending' AND message_id IS NULL AND held_until > $2",
        channel,
        now,
    )
    .fetch_one(connection)
    .await?)
}

/// Makes a notice, unless the channel has this occurrence already.
pub async fn add(connection: &mut PgConnection, new: &New<'_>, at: DateTime<Utc>) -> Result<bool, Error> {
    let told = new.told;
    let done = sqlx::query!(
        "INSERT INTO notices (id, channel, dedup_key, kind, principal_id, request_id, plan_sha256, risk, title, body, path, due_at, created_at, expires_at, held_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, COALESCE($14::timestamptz, $12), $12, $13, $14)
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
        new.held_until,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A notice that is to be delivered now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its id.
    pub id: Uuid,
    /// The message in which it is told, alone or with others, under whose id receivers drop doubles.
    pub message_id: Uuid,
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
    /// Until when it was held.
    pub held_until: Option<DateTime<Utc>>,
}

impl Due {
    /// Since when it could be told.
    pub fn since(&self) -> DateTime<Utc> {
        self.held_until.map_or(self.created_at, |until| until.max(self.created_at))
    }
}

/// Whoever forms a message of a channel, or notes what became of one, does so alone, until the transaction ends.
pub async fn lock(connection: &mut PgConnection, channel: &str) -> Result<(), Error> {
    let lock = format!("chiffon notices {channel}");
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", lock).execute(connection).await?;
    Ok(())
}

/// Takes what a channel tells next for a try, which counts as failed unless it is noted before `until`: one notice, or all that was held and
/// is due, at most [`MOST_TOGETHER`]. What was tried together is tried together again. The channel is to be [locked](lock).
pub async fn claim(connection: &mut PgConnection, channel: &str, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Due>, Error> {
    let rows = sqlx::query!(
        r#"WITH first AS (
            SELECT id, message_id, held_until
            FROM notices
            WHERE channel = $1 AND state = 'pending' AND due_at <= $2
            ORDER BY due_at, id
            LIMIT 1
        ), together AS (
            SELECT n.id
            FROM notices n, first f
            WHERE n.channel = $1 AND n.state = 'pending' AND n.due_at <= $2
            AND (
                n.id = f.id OR n.message_id = f.message_id
                OR (f.message_id IS NULL AND f.held_until IS NOT NULL AND n.message_id IS NULL AND n.held_until IS NOT NULL)
            )
            ORDER BY n.id <> f.id, n.id
            LIMIT $4
            FOR UPDATE OF n SKIP LOCKED
        )
        UPDATE notices n
        SET attempts = n.attempts + 1, due_at = $3, message_id = COALESCE(n.message_id, f.id)
        FROM together t, first f
        WHERE n.id = t.id
        RETURNING n.id, n.message_id AS "message_id!", n.kind, n.request_id, n.plan_sha256, n.risk, n.title, n.body, n.path, n.attempts,
            n.created_at, n.expires_at, n.held_until"#,
        channel,
        now,
        until,
        MOST_TOGETHER,
    )
    .fetch_all(connection)
    .await?;
    let mut dues = Vec::with_capacity(rows.len());
    for row in rows {
        let bad = || Error::BadData { table: "notices", column: "kind", id: row.id.to_string(), value: row.kind.clone() };
        let kind = Kind::from_word(&row.kind).ok_or_else(bad)?;
        dues.push(Due {
            id: row.id,
            message_id: row.message_id,
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
            held_until: row.held_until,
        });
    }
    dues.sort_by_key(|due| due.id);
    Ok(dues)
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

/// Notes that a try failed, and when the next one is. What else the channel has waits until then, too. The channel is to be [locked](lock).
pub async fn put_off(connection: &mut PgConnection, channel: &str, dues: &[Due], why: &str, next: DateTime<Utc>) -> Result<(), Error> {
    let ids: Vec<Uuid> = dues.iter().map(|due| due.id).collect();
    sqlx::query!(
        "UPDATE notices
        SET due_at = GREATEST(due_at, $3)
        WHERE channel = $1 AND state = 'pending' AND id <> ALL ($2)",
        channel,
        &ids,
        next,
    )
    .execute(&mut *connection)
    .await?;
    for due in dues {
        sqlx::query!(
            "UPDATE notices
            SET due_at = $3, last_error = $4
            WHERE id = $1 AND attempts = $2 AND state = 'pending'",
            due.id,
            due.attempts,
            next,
            why,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Has a given-up notice tried again, in a message of its own: others of its last one may be tried at another time. `None` where there is no such notice, else the state in which it was.
pub async fn retry(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        "WITH found AS (
            SELECT id, state
            FROM notices
            WHERE id = $1
            FOR UPDATE
        ), done AS (
            UPDATE notices n
            SET state = 'pending', due_at = $2, created_at = $2, settled_at = NULL, message_id = NULL
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
    /// Until when it is held, or was: gathered, or by quiet hours; null for what was told at once.
    pub held_until: Option<DateTime<Utc>>,
    /// The message in which it is told, alone or with others; null before the first try.
    pub message_id: Option<Uuid>,
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
            CASE WHEN state = 'pending' THEN due_at END AS next_try_at, held_until, message_id, last_error, created_at, settled_at
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
    /// Those of them that are held.
    pub held: i64,
    /// Since when the oldest of those that are not held does.
    pub oldest: Option<DateTime<Utc>>,
    /// Notices that were given up and are kept.
    pub given_up: i64,
    /// When one was last sent.
    pub last_sent_at: Option<DateTime<Utc>>,
    /// Why the last failed try of what waits or was given up failed.
    pub last_error: Option<String>,
}

/// What all channels have.
pub async fn standing(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Standing>, Error> {
    Ok(sqlx::query_as!(
        Standing,
        r#"SELECT channel,
            count(*) FILTER (WHERE state = 'pending') AS "waiting!",
            count(*) FILTER (WHERE state = 'pending' AND held_until > $1) AS "held!",
            min(GREATEST(created_at, held_until)) FILTER (WHERE state = 'pending' AND (held_until IS NULL OR held_until <= $1)) AS oldest,
            count(*) FILTER (WHERE state = 'given_up') AS "given_up!",
            max(settled_at) FILTER (WHERE state = 'sent') AS last_sent_at,
            (array_agg(last_error ORDER BY id DESC) FILTER (WHERE state IN ('pending', 'given_up') AND last_error IS NOT NULL))[1] AS last_error
        FROM notices
        GROUP BY channel
        ORDER BY channel"#,
        now,
    )
    .fetch_all(connection)
    .await?)
}

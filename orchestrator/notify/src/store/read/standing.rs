//! How things stand, as much of it as is told.

use chiffon_kernel::store::Error;
use chiffon_protocol::money::MicroDollars;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::standing::{Lost, Token, Waiting};

/// So many of a kind are looked at; who has more has had a word about it.
const MOST: i64 = 100;

/// Requests that wait for somebody or something since then or longer, longest first.
pub async fn waiting(connection: &mut PgConnection, since: DateTime<Utc>) -> Result<Vec<Waiting>, Error> {
    Ok(sqlx::query_as!(
        Waiting,
        r#"SELECT r.id, a.name AS asked_by, r.text, r.waiting_for ->> 'text' AS "waits_for!",
            (r.waiting_for ->> 'since')::timestamptz AS "since!"
        FROM requests r
        JOIN principals a ON a.id = r.principal_id
        WHERE r.finished_at IS NULL AND r.waiting_for ->> 'what' IN ('answer', 'approval', 'attention', 'agent', 'action', 'host', 'resources')
        AND (r.waiting_for ->> 'since')::timestamptz <= $1
        ORDER BY 5, 1
        LIMIT $2"#,
        since,
        MOST,
    )
    .fetch_all(connection)
    .await?)
}

/// Agents that are to work and were last heard before that.
pub async fn lost(connection: &mut PgConnection, before: DateTime<Utc>) -> Result<Vec<Lost>, Error> {
    Ok(sqlx::query_as!(
        Lost,
        r#"SELECT a.id, a.hostname, a.last_seen_at, (
            SELECT count(*)
            FROM task_attempts t
            WHERE t.agent_id = a.id AND t.claimed_at IS NOT NULL AND t.finished_at IS NULL
        ) AS "tasks!"
        FROM agents a
        WHERE a.desired = 'active' AND a.last_seen_at < $1 AND a.lease_expires_at < now()
        ORDER BY a.id
        LIMIT $2"#,
        before,
        MOST,
    )
    .fetch_all(connection)
    .await?)
}

/// Tokens that count now and no more at that moment.
pub async fn expiring(connection: &mut PgConnection, now: DateTime<Utc>, by: DateTime<Utc>) -> Result<Vec<Token>, Error> {
    Ok(sqlx::query_as!(
        Token,
        r#"SELECT t.id, t.principal_id, p.name AS principal, t.label, t.expires_at AS "expires_at!"
        FROM api_tokens t
        JOIN principals p ON p.id = t.principal_id
        WHERE t.revoked_at IS NULL AND t.expires_at > $1 AND t.expires_at <= $2
        ORDER BY t.expires_at, t.id
        LIMIT $3"#,
        now,
        by,
        MOST,
    )
    .fetch_all(connection)
    .await?)
}

/// What a provider has cost in the month of this moment, what is reserved for calls under way included.
pub async fn spent(connection: &mut PgConnection, provider: &str, at: DateTime<Utc>) -> Result<MicroDollars, Error> {
    let spent = sqlx::query_scalar!(
        r#"SELECT COALESCE(sum(CASE WHEN state = 'reserved' THEN reserved_micro_usd ELSE cost_micro_usd END), 0)::bigint AS "spent!"
        FROM llm_calls
        WHERE provider = $1 AND started_at >= date_trunc('month', $2::timestamptz, 'UTC')"#,
        provider,
        at,
    )
    .fetch_one(connection)
    .await?;
    Ok(spent.into())
}

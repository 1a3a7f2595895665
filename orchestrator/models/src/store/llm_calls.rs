//! What models cost: reserved before a call, settled after. Reservations of one provider, and those of one request, are made one after
//! the other, so that two replicas can't both spend the last millionth. Amounts are written in millionths of a dollar; the older columns of
//! dollars are kept true by the database (`migrations/0030_money.sql`).

use chiffon_kernel::store::Error;
use chiffon_protocol::money::MicroDollars;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// A call to a model.
#[derive(Debug, Clone)]
pub struct New<'n> {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub request_id: Uuid,
    /// The conversation's round.
    pub round: i32,
    /// The provider.
    pub provider: &'n str,
    /// The model.
    pub model: &'n str,
    /// The worst case, for one that will be made.
    pub reserved: MicroDollars,
    /// Why it is not made, for one that was passed over.
    pub skipped_because: Option<&'n Value>,
}

/// What became of a call.
#[derive(Debug, Clone)]
pub struct Outcome<'o> {
    /// `succeeded | invalid | failed | uncertain`
    pub state: &'o str,
    /// HTTP calls made.
    pub tries: i32,
    /// What it cost.
    pub cost: MicroDollars,
    /// As the provider counted.
    pub input_tokens: Option<i64>,
    /// As the provider counted.
    pub output_tokens: Option<i64>,
    /// Why it did not work.
    pub error: Option<&'o Value>,
    /// What came back, for invalid ones.
    pub answer: Option<&'o str>,
}

/// What was spent or reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// On the provider, in the calendar month (UTC) of the time asked for.
    pub month: MicroDollars,
    /// On the request.
    pub request: MicroDollars,
    /// The most that the request may cost.
    pub request_most: Option<MicroDollars>,
}

/// What was spent so far; holds further reservations of the provider and of the request back until the transaction ends. The provider's lock
/// is always taken first.
pub async fn lock_spent(connection: &mut PgConnection, provider: &str, request_id: Uuid, at: DateTime<Utc>) -> Result<Spent, Error> {
    for lock in [format!("llm_calls/{provider}"), format!("llm_calls of request/{request_id}")] {
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", lock).execute(&mut *connection).await?;
    }
    let row = sqlx::query!(
        r#"SELECT
            COALESCE((
                SELECT sum(CASE WHEN state = 'reserved' THEN reserved_micro_usd ELSE cost_micro_usd END)::bigint
                FROM llm_calls
                WHERE provider = $1
                AND started_at >= date_trunc('month', $3::timestamptz, 'UTC')
                AND started_at < date_trunc('month', $3::timestamptz, 'UTC') + interval '1 month'
            ), 0) AS "month!",
            COALESCE((
                SELECT sum(CASE WHEN state = 'reserved' THEN reserved_micro_usd ELSE cost_micro_usd END)::bigint
                FROM llm_calls
                WHERE request_id = $2
            ), 0) AS "request!",
            (SELECT max_cost_micro_usd FROM requests WHERE id = $2) AS request_most"#,
        provider,
        request_id,
        at,
    )
    .fetch_one(connection)
    .await?;
    Ok(Spent { month: row.month.into(), request: row.request.into(), request_most: row.request_most.map(MicroDollars::new) })
}

/// Stores a call before it is made, or one that is not made.
pub async fn add(connection: &mut PgConnection, new: &New<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    let (state, finished_at) = if new.skipped_because.is_some() { ("skipped", Some(at)) } else { ("reserved", None) };
    sqlx::query!(
        "INSERT INTO llm_calls (id, request_id, round, provider, model, state, reserved_micro_usd, error, started_at, finished_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new.id,
        new.request_id,
        new.round,
        new.provider,
        new.model,
        state,
        new.reserved.count(),
        new.skipped_because,
        at,
        finished_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Replaces a reservation by what it came to, and adds the cost to the request. A call is settled once; a second time changes nothing.
pub async fn settle(connection: &mut PgConnection, id: Uuid, outcome: &Outcome<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "WITH settled AS (
            UPDATE llm_calls
            SET state = $2, tries = $3, cost_micro_usd = $4, input_tokens = $5, output_tokens = $6, error = $7, answer = $8, finished_at = $9
            WHERE id = $1 AND state = 'reserved'
            RETURNING request_id, cost_micro_usd
        )
        UPDATE requests
        SET cost_micro_usd = requests.cost_micro_usd + settled.cost_micro_usd
        FROM settled
        WHERE requests.id = settled.request_id",
        id,
        outcome.state,
        outcome.tries,
        outcome.cost.count(),
        outcome.input_tokens,
        outcome.output_tokens,
        outcome.error,
        outcome.answer,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts the calls begun before `before` that nobody settled as spent in full (RELIABILITY 19); how many.
pub async fn settle_abandoned(connection: &mut PgConnection, before: DateTime<Utc>, at: DateTime<Utc>) -> Result<u64, Error> {
    let done = sqlx::query!(
        r#"WITH settled AS (
            UPDATE llm_calls
            SET state = 'uncertain', cost_micro_usd = reserved_micro_usd, finished_at = $2
            WHERE state = 'reserved' AND started_at < $1
            RETURNING request_id, cost_micro_usd
        ), sums AS (
            SELECT request_id, sum(cost_micro_usd)::bigint AS cost_micro_usd, count(*) AS calls
            FROM settled
            GROUP BY request_id
        ), booked AS (
            UPDATE requests
            SET cost_micro_usd = requests.cost_micro_usd + sums.cost_micro_usd
            FROM sums
            WHERE requests.id = sums.request_id
        )
        SELECT COALESCE(sum(calls), 0)::bigint AS "calls!"
        FROM sums"#,
        before,
        at,
    )
    .fetch_one(connection)
    .await?;
    Ok(done.calls.unsigned_abs())
}

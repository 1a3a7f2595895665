//! Answers to writes that carried an `Idempotency-Key`: reserved before the work, settled with the answer after it.
//!
//! A reservation whose holder died is taken over after [`TAKE_OVER_AFTER`]; answers are kept for [`KEPT_FOR`].

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// A reservation without an answer counts as abandoned after this: longer than any call may take.
pub const TAKE_OVER_AFTER: TimeDelta = TimeDelta::minutes(1);

/// How long an answer is kept.
pub const KEPT_FOR: TimeDelta = TimeDelta::days(1);

/// What stands under a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Reservation {
    /// Nothing stood there: the caller does the work and settles.
    Reserved,
    /// The same call is being worked on.
    UnderWay,
    /// The key was used for another call.
    OtherCall,
    /// The same call was answered with this status and body.
    Answered(u16, Value),
}

/// Reserves a key for one call, named by the hash of its method, path and body.
pub async fn reserve(
    connection: &mut PgConnection,
    principal_id: Uuid,
    key: &str,
    request_sha256: &str,
    at: DateTime<Utc>,
) -> Result<Reservation, Error> {
    sqlx::query!(
        "DELETE FROM idempotency_keys
        WHERE principal_id = $1 AND created_at < $2",
        principal_id,
        at - KEPT_FOR,
    )
    .execute(&mut *connection)
    .await?;
    let reserved = sqlx::query!(
        "INSERT INTO idempotency_keys AS k (principal_id, key, request_sha256, created_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (principal_id, key) DO UPDATE
        SET created_at = excluded.created_at
        WHERE k.response_status IS NULL AND k.request_sha256 = excluded.request_sha256 AND k.created_at < $5",
        principal_id,
        key,
        request_sha256,
        at,
        at - TAKE_OVER_AFTER,
    )
    .execute(&mut *connection)
    .await?;
    if reserved.rows_affected() == 1 {
        return Ok(Reservation::Reserved);
    }
    let row = sqlx::query!(
        "SELECT request_sha256, response_status, response_body
        FROM idempotency_keys
        WHERE principal_id = $1 AND key = $2",
        principal_id,
        key,
    )
    .fetch_optional(connection)
    .await?;
    Ok(match row {
        Some(row) if row.request_sha256 != request_sha256 => Reservation::OtherCall,
        Some(row) => match (row.response_status.and_then(|status| u16::try_from(status).ok()), row.response_body) {
            (Some(status), Some(body)) => Reservation::Answered(status, body),
            _ => Reservation::UnderWay,
        },
        // Its holder failed and gave it back between the two statements.
        None => Reservation::UnderWay,
    })
}

/// Stores the answer of a reserved call.
pub async fn settle(connection: &mut PgConnection, principal_id: Uuid, key: &str, status: u16, body: &Value) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE idempotency_keys
        SET response_status = $3, response_body = $4
        WHERE principal_id = $1 AND key = $2",
        principal_id,
        key,
        i32::from(status),
        body,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps an answer in the transaction that makes it true. `false` when the call was answered meanwhile, by whoever took the
/// reservation over: then this transaction must not be committed.
pub async fn answer(connection: &mut PgConnection, principal_id: Uuid, key: &str, status: u16, body: &Value) -> Result<bool, Error> {
    let answered = sqlx::query!(
        "UPDATE idempotency_keys
        SET response_status = $3, response_body = $4
        WHERE principal_id = $1 AND key = $2 AND response_status IS NULL",
        principal_id,
        key,
        i32::from(status),
        body,
    )
    .execute(connection)
    .await?;
    Ok(answered.rows_affected() == 1)
}

/// Gives a reservation back whose call failed, so that it can be made again.
pub async fn release(connection: &mut PgConnection, principal_id: Uuid, key: &str) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM idempotency_keys
        WHERE principal_id = $1 AND key = $2 AND response_status IS NULL",
        principal_id,
        key,
    )
    .execute(connection)
    .await?;
    Ok(())
}

//! Who plans which round of a conversation, and which rounds are to be planned: those whose `resend_at` has come (RELIABILITY 1, 19).

use std::time::Duration;

use chiffon_kernel::domain::waiting::{WaitingFor, What};
use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A planner's right to make the plan of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanningLease {
    /// The request.
    pub request_id: Uuid,
    /// The conversation's round.
    pub round: i32,
    /// Fences older holders.
    pub epoch: i64,
    /// How often the round was leased, this time included.
    pub tries: i32,
    /// Whether its last planner neither came to an end nor gave it back.
    pub was_cut_off: bool,
    /// How many of its planners ended that way.
    pub deaths: i32,
}

/// Leases a round, unless it has moved on or somebody else works on it (RELIABILITY 19). By Postgres time.
pub async fn lease(
    connection: &mut PgConnection,
    id: Uuid,
    round: i32,
    lease: Duration,
    resend_at: DateTime<Utc>,
) -> Result<Option<PlanningLease>, Error> {
    Ok(sqlx::query_as!(
        PlanningLease,
        r#"WITH free AS (
            SELECT id, planning_lease_until IS NOT NULL AS was_cut_off
            FROM requests
            WHERE id = $1 AND round = $2 AND status = 'planning'
            AND (planning_lease_until IS NULL OR planning_lease_until < now())
            FOR UPDATE
        )
        UPDATE requests
        SET planning_epoch = planning_epoch + 1, planning_tries = planning_tries + 1,
            planning_deaths = planning_deaths + was_cut_off::int,
            planning_lease_until = now() + make_interval(secs => $3), resend_at = $4
        FROM free
        WHERE requests.id = free.id
        RETURNING requests.id AS request_id, round, planning_epoch AS epoch, planning_tries AS tries, was_cut_off AS "was_cut_off!",
            planning_deaths AS deaths"#,
        id,
        round,
        lease.as_secs_f64(),
        resend_at,
    )
    .fetch_optional(connection)
    .await?)
}

/// The same of the oldest rounds whose time has come and that nobody works on; at most so many.
pub async fn lease_due(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    lease: Duration,
    resend_at: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<PlanningLease>, Error> {
    Ok(sqlx::query_as!(
        PlanningLease,
        r#"WITH free AS (
            SELECT id, planning_lease_until IS NOT NULL AS was_cut_off
            FROM requests
            WHERE resend_at <= $1 AND status = 'planning' AND (planning_lease_until IS NULL OR planning_lease_until < now())
            ORDER BY created_at, id
            LIMIT $4
            FOR UPDATE SKIP LOCKED
        )
        UPDATE requests
        SET planning_epoch = planning_epoch + 1, planning_tries = planning_tries + 1,
            planning_deaths = planning_deaths + was_cut_off::int,
            planning_lease_until = now() + make_interval(secs => $2), resend_at = $3
        FROM free
        WHERE requests.id = free.id
        RETURNING requests.id AS request_id, round, planning_epoch AS epoch, planning_tries AS tries, was_cut_off AS "was_cut_off!",
            planning_deaths AS deaths"#,
        now,
        lease.as_secs_f64(),
        resend_at,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// Notes of the rounds that have been due since before `since` that they were looked at: all planners are busy.
pub async fn put_off(connection: &mut PgConnection, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE requests
        SET resend_at = $2
        WHERE id IN (
            SELECT id
            FROM requests
            WHERE resend_at < $1 AND status = 'planning' AND (planning_lease_until IS NULL OR planning_lease_until < now())
            ORDER BY id
            FOR UPDATE SKIP LOCKED
        )",
        since,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes a planning lease last for this long from now. `false`: it is not the newest any more, or the round is over.
pub async fn renew(
    connection: &mut PgConnection,
    lease: &PlanningLease,
    duration: Duration,
    resend_at: DateTime<Utc>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE requests
        SET planning_lease_until = now() + make_interval(secs => $4), resend_at = $5
        WHERE id = $1 AND round = $2 AND planning_epoch = $3 AND status = 'planning'",
        lease.request_id,
        lease.round,
        lease.epoch,
        duration.as_secs_f64(),
        resend_at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a planning lease back as if it had not been taken: the round is to be planned at once.
pub async fn give_back(connection: &mut PgConnection, lease: &PlanningLease, now: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE requests
        SET planning_lease_until = NULL, planning_tries = greatest(planning_tries - 1, 0), resend_at = $4
        WHERE id = $1 AND round = $2 AND planning_epoch = $3 AND status = 'planning'",
        lease.request_id,
        lease.round,
        lease.epoch,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a planning lease back: the round waits and is to be planned at `resend_at`. `false`: the lease was not the newest any more.
pub async fn wait(
    connection: &mut PgConnection,
    lease: &PlanningLease,
    waiting_for: &WaitingFor,
    counts: bool,
    resend_at: DateTime<Utc>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE requests
        SET planning_lease_until = NULL, waiting_for = $4, resend_at = $5, planning_tries = CASE WHEN $6 THEN planning_tries ELSE 0 END
        WHERE id = $1 AND round = $2 AND planning_epoch = $3 AND status = 'planning'",
        lease.request_id,
        lease.round,
        lease.epoch,
        waiting_for.to_value(),
        resend_at,
        counts,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets the rounds be planned that wait for an agent to announce actions; how many.
pub async fn let_go_for_agent(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE requests
        SET resend_at = $1
        WHERE id IN (
            SELECT id
            FROM requests
            WHERE status = 'planning' AND waiting_for ->> 'what' = $2
            ORDER BY id
            FOR UPDATE SKIP LOCKED
        )",
        now,
        What::Agent.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

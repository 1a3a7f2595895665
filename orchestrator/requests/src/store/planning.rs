//! Who plans which round of a conversation, and which rounds have to be announced again (RELIABILITY 1, 19).

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
    Ok(sqlx::query!(
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
        RETURNING planning_epoch, planning_tries, planning_deaths, was_cut_off AS "was_cut_off!""#,
        id,
        round,
        lease.as_secs_f64(),
        resend_at,
    )
    .fetch_optional(connection)
    .await?
    .map(|row| PlanningLease {
        request_id: id,
        round,
        epoch: row.planning_epoch,
        tries: row.planning_tries,
        was_cut_off: row.was_cut_off,
        deaths: row.planning_deaths,
    }))
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

/// Gives a planning lease back as if it had not been taken, and has the round announced again at once.
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

/// Gives a planning lease back: the round waits and is announced again at `resend_at`. `false`: the lease was not the newest any more.
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

/// A round that has to be announced (again).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplanned {
    /// The request.
    pub id: Uuid,
    /// Its round.
    pub round: i32,
    /// Its trace.
    pub trace_id: String,
}

/// Takes the rounds whose time to be announced again has come, and sets their next time.
pub async fn take_to_resend(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    next: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Unplanned>, Error> {
    Ok(sqlx::query_as!(
        Unplanned,
        "UPDATE requests
        SET resend_at = $2
        WHERE id IN (
            SELECT id
            FROM requests
            WHERE resend_at <= $1 AND status = 'planning'
            ORDER BY resend_at
            LIMIT $3
            FOR UPDATE SKIP LOCKED
        )
        RETURNING id, round, trace_id",
        now,
        next,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// Takes the rounds that wait for an agent to announce actions.
pub async fn take_waiting_for_agent(connection: &mut PgConnection, next: DateTime<Utc>) -> Result<Vec<Unplanned>, Error> {
    Ok(sqlx::query_as!(
        Unplanned,
        "UPDATE requests
        SET resend_at = $1
        WHERE id IN (
            SELECT id
            FROM requests
            WHERE status = 'planning' AND waiting_for ->> 'what' = $2
            ORDER BY id
            FOR UPDATE SKIP LOCKED
        )
        RETURNING id, round, trace_id",
        next,
        What::Agent.as_str(),
    )
    .fetch_all(connection)
    .await?)
}

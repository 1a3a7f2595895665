//! What must hold of tasks, attempts and hosts.

use chiffon_kernel::domain::invariant::Rule;
use chiffon_kernel::store::Error;
use chiffon_kernel::store::invariants::{EXAMPLES, Invariant, Limits, Row};
use sqlx::PgConnection;

/// What must hold, each with its statement.
pub const INVARIANTS: &[Invariant] = &[
    // RELIABILITY 10.
    Invariant {
        rule: Rule {
            name: "claimed_without_lease",
            is_about_time: true,
            sentence: "a claimed attempt has a live lease, or its task is `unknown`",
            advice: "look at `lease_reaper` in GET /background: it marks silent attempts, once it has heard heartbeats for a whole lease",
        },
        find: |connection, limits| Box::pin(claimed_without_lease(connection, limits)),
    },
    // RELIABILITY 9.
    Invariant {
        rule: Rule {
            name: "offer_past_deadline",
            is_about_time: true,
            sentence: "no offer is older than its `claim_by` without having been claimed or withdrawn",
            advice: "look at `dispatcher` in GET /background: it withdraws offers",
        },
        find: |connection, limits| Box::pin(offer_past_deadline(connection, limits)),
    },
    // RELIABILITY 6.
    Invariant {
        rule: Rule {
            name: "task_without_owner",
            is_about_time: false,
            sentence: "whatever an agent is said to have, one open, claimed attempt stands behind",
            advice: "nobody can end such a task: cancel it (`chiffon cancel {task}`), and send its audit log (`chiffon audit log`) with a report of the fault",
        },
        find: |connection, _| Box::pin(task_without_owner(connection)),
    },
    // RELIABILITY 15.
    Invariant {
        rule: Rule {
            name: "run_past_deadline",
            is_about_time: true,
            sentence: "no attempt is shown as running for longer than its time limit and twice the margin",
            advice: "look at `lease_reaper` in GET /background: it asks such a run to stop, then gives it up as `unknown`",
        },
        find: |connection, limits| Box::pin(run_past_deadline(connection, limits)),
    },
    // RELIABILITY 12.
    Invariant {
        rule: Rule {
            name: "reservation_without_task",
            is_about_time: false,
            sentence: "a host is reserved only for a task that an agent has or may have",
            advice: "work for that host waits for ever: end the task (`chiffon cancel {task}`), and send its audit log with a report of the fault",
        },
        find: |connection, _| Box::pin(reservation_without_task(connection)),
    },
    // RELIABILITY 1.
    Invariant {
        rule: Rule {
            name: "task_that_nothing_moves",
            is_about_time: false,
            sentence: "an open task belongs to an open request and its current plan, and none of the steps before it has failed",
            advice: "nobody will ever look at it again: cancel it (`chiffon cancel {task}`), and send its audit log with a report of the fault",
        },
        find: |connection, _| Box::pin(task_that_nothing_moves(connection)),
    },
];

async fn claimed_without_lease(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT a.task_id || ' (attempt ' || a.attempt || ' of ' || COALESCE(a.agent_id, 'nobody') || ')' AS "example!",
            count(*) OVER () AS "total!"
        FROM task_attempts a
        JOIN tasks t ON t.id = a.task_id AND t.attempt = a.attempt
        WHERE a.claimed_at IS NOT NULL AND a.finished_at IS NULL
        AND a.lease_expires_at < now() - make_interval(secs => $1)
        AND t.status IN ('dispatched', 'running')
        ORDER BY a.lease_expires_at
        LIMIT $2"#,
        limits.overdue_after.as_secs_f64(),
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

async fn offer_past_deadline(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id::text AS "example!", count(*) OVER () AS "total!"
        FROM tasks
        WHERE status = 'dispatched' AND finished_at IS NULL AND claim_by < $1
        ORDER BY claim_by
        LIMIT $2"#,
        limits.due(),
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

async fn task_without_owner(connection: &mut PgConnection) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT t.id || ' (' || t.status || ')' AS "example!", count(*) OVER () AS "total!"
        FROM tasks t
        WHERE t.finished_at IS NULL
        AND (t.status IN ('running', 'unknown') OR t.status = 'dispatched' AND t.claim_by IS NULL)
        AND NOT EXISTS (
            SELECT
            FROM task_attempts a
            WHERE a.task_id = t.id AND a.attempt = t.attempt AND a.claimed_at IS NOT NULL AND a.finished_at IS NULL
        )
        ORDER BY t.id
        LIMIT $1"#,
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

async fn run_past_deadline(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id::text AS "example!", count(*) OVER () AS "total!"
        FROM tasks
        WHERE status IN ('dispatched', 'running') AND finished_at IS NULL AND deadline_at < $1
        ORDER BY deadline_at
        LIMIT $2"#,
        limits.due(),
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

async fn reservation_without_task(connection: &mut PgConnection) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT l.host || ' (task ' || t.id || ' is ' || t.status || ')' AS "example!", count(*) OVER () AS "total!"
        FROM host_locks l
        JOIN tasks t ON t.id = l.task_id
        WHERE l.kept_at IS NULL AND (t.status NOT IN ('dispatched', 'running', 'unknown') OR t.attempt <> l.attempt)
        ORDER BY l.host
        LIMIT $1"#,
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

/// What an agent has of a request that is over was asked to stop, and ends with its report.
async fn task_that_nothing_moves(connection: &mut PgConnection) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT t.id || ' (' || t.status || ', request ' || r.status || ')' AS "example!", count(*) OVER () AS "total!"
        FROM tasks t
        JOIN requests r ON r.id = t.request_id
        WHERE t.finished_at IS NULL
        AND (
            (r.finished_at IS NOT NULL OR t.plan_id <> r.plan_id) AND t.cancel_requested_at IS NULL
            OR t.status = 'pending' AND EXISTS (
                SELECT
                FROM tasks o
                WHERE o.plan_id = t.plan_id AND o.purpose = t.purpose AND split_part(o.step_id, '.', 1) = ANY (t.depends_on)
                AND o.finished_at IS NOT NULL AND o.status NOT IN ('completed', 'interrupted') AND o.consequence IS DISTINCT FROM 'continue'
            )
        )
        ORDER BY t.id
        LIMIT $1"#,
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

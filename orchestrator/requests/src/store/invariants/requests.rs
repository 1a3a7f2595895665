//! What must hold of requests, plans and approvals.

use chiffon_kernel::domain::invariant::Rule;
use chiffon_kernel::store::Error;
use chiffon_kernel::store::invariants::{EXAMPLES, Invariant, Limits, Row};
use sqlx::PgConnection;

/// What must hold, each with its statement.
pub const INVARIANTS: &[Invariant] = &[
    // RELIABILITY 1.
    Invariant {
        rule: Rule {
            name: "planning_not_announced",
            is_about_time: true,
            sentence: "a round that wants a plan is leased by a planner, or is looked at again in time",
            advice: "look at `planning` in GET /background: it announces rounds again",
        },
        find: |connection, limits| Box::pin(planning_not_announced(connection, limits)),
    },
    // The end of the last task moves the request in the same transaction.
    Invariant {
        rule: Rule {
            name: "request_behind_its_tasks",
            is_about_time: false,
            sentence: "a request with work under way has a task that is not at its end, and one that needs attention has a task that asks for it",
            advice: "cancel it (`chiffon cancel {request}`), and send its audit log (`chiffon audit log {request}`) with a report of the fault",
        },
        find: |connection, _| Box::pin(behind_its_tasks(connection)),
    },
    // Promise 3: everything is explained.
    Invariant {
        rule: Rule {
            name: "request_that_nothing_moves",
            is_about_time: false,
            sentence: "an open request has an open task, a time at which it moves on, or says what it waits for",
            advice: "cancel it (`chiffon cancel {request}`), and send its audit log (`chiffon audit log {request}`) with a report of the fault",
        },
        find: |connection, _| Box::pin(that_nothing_moves(connection)),
    },
    // Deadlines on every state.
    Invariant {
        rule: Rule {
            name: "request_past_deadline",
            is_about_time: true,
            sentence: "no request stands in a state for longer than that state's deadline",
            advice: "look at `deadline_reaper` in GET /background: it ends or reminds",
        },
        find: |connection, limits| Box::pin(past_deadline(connection, limits)),
    },
    // RELIABILITY 17 and 18, promise 1.
    Invariant {
        rule: Rule {
            name: "run_without_approval",
            is_about_time: false,
            sentence: "what was ever offered to an agent for real belongs to an approved plan with all approvals that it needs",
            advice: "stop what runs (`chiffon cancel {request}`), and look at who approved what: `chiffon audit log {request}`",
        },
        find: |connection, limits| Box::pin(run_without_approval(connection, limits)),
    },
    // RELIABILITY 18.
    Invariant {
        rule: Rule {
            name: "run_of_what_was_left_out",
            is_about_time: false,
            sentence: "a step that was left out at approval was never offered to an agent for real",
            advice: "stop what runs (`chiffon cancel {request}`), and look at who approved what: `chiffon audit log {request}`",
        },
        find: |connection, limits| Box::pin(run_of_what_was_left_out(connection, limits)),
    },
    // RELIABILITY 18.
    Invariant {
        rule: Rule {
            name: "approval_consumed_twice",
            is_about_time: false,
            sentence: "an approval starts one run, and a request has one run",
            advice: "stop what runs (`chiffon cancel {request}`), and look at who approved what: `chiffon audit log {request}`",
        },
        find: |connection, limits| Box::pin(approval_consumed_twice(connection, limits)),
    },
    // RELIABILITY 18.
    Invariant {
        rule: Rule {
            name: "run_under_no_standing_approval",
            is_about_time: false,
            sentence: "an approval that names a standing one is of whoever gave that, for the same steps, before it expired or was withdrawn",
            advice: "stop what runs (`chiffon cancel {request}`), and look at who stood for what: `chiffon audit log {request}`, `chiffon standing list`",
        },
        find: |connection, limits| Box::pin(run_under_no_standing_approval(connection, limits)),
    },
];

async fn planning_not_announced(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id::text AS "example!", count(*) OVER () AS "total!"
        FROM requests
        WHERE status = 'planning' AND finished_at IS NULL
        AND (planning_lease_until IS NULL OR planning_lease_until < now()) AND (resend_at IS NULL OR resend_at < $1)
        ORDER BY id
        LIMIT $2"#,
        limits.due(),
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

async fn behind_its_tasks(connection: &mut PgConnection) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT r.id || ' (' || r.status || ')' AS "example!", count(*) OVER () AS "total!"
        FROM requests r
        WHERE r.finished_at IS NULL AND r.status IN ('discovering', 'previewing', 'running', 'needs_attention', 'paused')
        AND NOT EXISTS (
            SELECT
            FROM tasks t
            WHERE t.plan_id = r.plan_id
            AND t.purpose = CASE r.status WHEN 'discovering' THEN 'discover' WHEN 'previewing' THEN 'preview' ELSE 'apply' END
            AND (t.finished_at IS NULL OR r.status IN ('needs_attention', 'paused') AND t.status = 'interrupted')
        )
        ORDER BY r.id
        LIMIT $1"#,
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

async fn that_nothing_moves(connection: &mut PgConnection) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT r.id || ' (' || r.status || ')' AS "example!", count(*) OVER () AS "total!"
        FROM requests r
        LEFT JOIN plans p ON p.id = r.plan_id
        WHERE r.finished_at IS NULL AND r.waiting_for IS NULL
        AND (
            r.status IN ('needs_input', 'awaiting_approval', 'needs_attention', 'paused')
            OR r.resend_at IS NULL AND NOT EXISTS (SELECT FROM tasks t WHERE t.request_id = r.id AND t.finished_at IS NULL)
        )
        OR r.finished_at IS NULL AND r.status = 'awaiting_approval' AND p.expires_at IS NULL
        ORDER BY r.id
        LIMIT $1"#,
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

async fn past_deadline(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT r.id || ' (' || r.status || ')' AS "example!", count(*) OVER () AS "total!"
        FROM requests r
        LEFT JOIN plans p ON p.id = r.plan_id
        WHERE r.finished_at IS NULL
        AND (r.deadline_at < $1 OR r.deadline < $1 AND r.expiring_at IS NULL OR r.status = 'awaiting_approval' AND p.expires_at < $1)
        ORDER BY r.id
        LIMIT $2"#,
        limits.due(),
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

/// A person's decision counts for exactly the plan that they saw.
async fn run_without_approval(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT r.id || ' (task ' || t.id || ')' AS "example!", count(*) OVER () AS "total!"
        FROM (
            SELECT id FROM requests WHERE finished_at IS NULL
            UNION
            SELECT id FROM requests WHERE created_at > $1
        ) r
        JOIN plans p ON p.request_id = r.id
        JOIN tasks t ON t.plan_id = p.id
        WHERE t.purpose = 'apply' AND t.attempt > 0
        AND (p.approved_at IS NULL OR p.state NOT IN ('approved', 'superseded') OR p.approvals_needed > (
            SELECT count(*)
            FROM approvals a
            WHERE a.plan_id = p.id AND a.plan_sha256 = p.sha256 AND a.decision = 'approve' AND a.consumed_at IS NOT NULL
        ))
        ORDER BY t.id
        LIMIT $2"#,
        limits.since,
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

async fn run_of_what_was_left_out(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT r.id || ' (task ' || t.id || ')' AS "example!", count(*) OVER () AS "total!"
        FROM (
            SELECT id FROM requests WHERE finished_at IS NULL
            UNION
            SELECT id FROM requests WHERE created_at > $1
        ) r
        JOIN plans p ON p.request_id = r.id
        JOIN approvals a ON a.plan_id = p.id AND a.decision = 'approve' AND a.consumed_at IS NOT NULL
        JOIN tasks t ON t.plan_id = p.id AND t.step_id = ANY (a.left_out)
        WHERE t.purpose = 'apply' AND t.attempt > 0
        ORDER BY t.id
        LIMIT $2"#,
        limits.since,
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

/// A plan that was given up before anything of it was begun, because an action has changed, has used its approvals up for nothing.
async fn approval_consumed_twice(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT r.id::text AS "example!", count(*) OVER () AS "total!"
        FROM (
            SELECT id FROM requests WHERE finished_at IS NULL
            UNION
            SELECT id FROM requests WHERE created_at > $1
        ) r
        WHERE (
            (
                SELECT count(*)
                FROM plans p
                WHERE p.request_id = r.id AND p.approved_at IS NOT NULL
                AND (p.state = 'approved' OR EXISTS (
                    SELECT
                    FROM tasks t
                    JOIN task_attempts a ON a.task_id = t.id
                    WHERE t.plan_id = p.id AND t.purpose = 'apply' AND a.claim_id IS NOT NULL
                    AND (a.outcome IS DISTINCT FROM 'not_started' OR a.started_at IS NOT NULL)
                    -- What its agent refused for the hosts' variables did not run.
                    AND a.error ->> 'code' IS DISTINCT FROM '5514'
                ))
            ) > 1
            OR EXISTS (
                SELECT
                FROM plans p
                JOIN approvals a ON a.plan_id = p.id
                WHERE p.request_id = r.id AND a.consumed_at IS NOT NULL AND p.approved_at IS DISTINCT FROM a.consumed_at
            )
        )
        ORDER BY r.id
        LIMIT $2"#,
        limits.since,
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

/// What names a standing approval that did not count at that moment.
async fn run_under_no_standing_approval(connection: &mut PgConnection, limits: &Limits) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT p.request_id || ' (standing approval ' || s.id || ')' AS "example!", count(*) OVER () AS "total!"
        FROM approvals a
        JOIN standing_approvals s ON s.id = a.standing_id
        JOIN plans p ON p.id = a.plan_id
        WHERE a.standing_id IS NOT NULL AND a.at > $1
        AND (
            a.decision <> 'approve' OR a.principal_id <> s.given_by OR p.steps_sha256 IS DISTINCT FROM s.steps_sha256
            OR a.at < s.given_at OR a.at >= s.expires_at OR s.withdrawn_at < a.at
        )
        ORDER BY a.id
        LIMIT $2"#,
        limits.since,
        EXAMPLES,
    )
    .fetch_all(connection)
    .await?)
}

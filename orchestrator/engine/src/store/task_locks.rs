//! Tasks whose rows are held, and those of their requests: requests first, then tasks, each in the order of their ids.

use chiffon_kernel::store::Error;
use sqlx::PgConnection;
use uuid::Uuid;

use super::attempts::Attempt;
use super::tasks::{Row, Task};
use crate::domain::task::{Owned, Status, Task as State};

/// The request of a task, whose row this transaction now holds.
#[derive(Debug, Clone)]
pub struct OfRequest {
    /// Its id.
    pub id: Uuid,
    /// The W3C trace id of all that belongs to it.
    pub trace_id: String,
    /// Its state, as the word in the database.
    pub status: String,
    /// The plan that counts.
    pub plan_id: Option<Uuid>,
    /// Whether a person holds it: nothing more of it begins.
    pub held: bool,
}

/// Locks the request of a task; `None` when there is no such task.
pub async fn lock_request_of(connection: &mut PgConnection, task_id: Uuid) -> Result<Option<OfRequest>, Error> {
    Ok(lock_requests_of(connection, &[task_id]).await?.pop())
}

/// Locks the requests of these tasks, in the order of their ids, as everybody who locks several does.
pub async fn lock_requests_of(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<Vec<OfRequest>, Error> {
    Ok(sqlx::query_as!(
        OfRequest,
        r#"SELECT id, trace_id, status, plan_id, (held_at IS NOT NULL OR status = 'paused') AS "held!"
        FROM requests
        WHERE id = ANY (ARRAY(SELECT request_id FROM tasks WHERE tasks.id = ANY ($1)))
        ORDER BY id
        FOR UPDATE"#,
        task_ids,
    )
    .fetch_all(connection)
    .await?)
}

/// A task that this transaction holds, with its newest attempt.
#[derive(Debug, Clone)]
pub struct Locked {
    /// The task.
    pub task: Task,
    /// Its newest attempt, once there is one.
    pub attempt: Option<Attempt>,
    /// How many hosts that has for itself.
    pub held_hosts: usize,
    /// How many attempts may have executed something: they had an owner, who has not proved that it never began.
    pub tries: u32,
}

impl Locked {
    /// Where it stands, with the data that the state owns.
    pub fn state(&self) -> State {
        let owned = || {
            let attempt = self.attempt.as_ref()?;
            let agent_id = attempt.agent_id.clone().filter(|_| attempt.finished_at.is_none())?;
            Some(Owned {
                attempt: attempt.attempt,
                agent_id,
                started: attempt.started_at.is_some(),
                cancel_requested: self.task.cancel_requested_at.is_some(),
            })
        };
        let offered = State::Offered { attempt: self.task.attempt, offer: self.task.offer };
        match self.task.status {
            Status::Pending => State::Pending,
            Status::Waiting => State::Waiting,
            Status::Dispatched => owned().map_or(offered, State::Claimed),
            Status::Running => owned().map_or(State::Waiting, State::Running),
            Status::Unknown => owned().map_or(State::Waiting, State::Unknown),
            Status::Completed => State::Completed,
            Status::Failed => State::Failed,
            Status::Cancelled => State::Cancelled,
            Status::Interrupted => {
                State::Interrupted { attempt: self.task.attempt, cancel_requested: self.task.cancel_requested_at.is_some() }
            }
            Status::Skipped => State::Skipped,
        }
    }
}

/// Locks a task; its request must be locked already.
pub async fn lock(connection: &mut PgConnection, task_id: Uuid) -> Result<Option<Locked>, Error> {
    Ok(lock_all(connection, &[task_id]).await?.pop())
}

/// Locks those of these tasks that there are, in the order of their ids; their requests must be locked already.
pub async fn lock_all(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<Vec<Locked>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT t.id, t.request_id, t.plan_id, split_part(t.step_id, '.', 1) AS "step_id!", t.purpose, t.mode, t.agent_type, t.action, t.action_sha256, t.title, t.parameters,
            t.resources, t.hosts, t.depends_on, t.risk, t.repeatable, t.timeout_seconds, t.status, t.waiting_for, t.wait_key, t.attempt, t.offer,
            t.excluded_agents, t.cancel_requested_at, t.progress, t.message, t.started_at, t.fenced_attempt,
            t.iteration, t.asks,
            a.created_at AS "attempt_created_at?", a.agent_id, g.key_id AS "key_id?", g.incarnation AS "incarnation?", a.claim_id,
            a.claimed_at, a.started_at AS attempt_started_at, a.finished_at AS attempt_finished_at, a.outcome,
            a.stored_seq AS "stored_seq?", a.verified AS "verified?",
            (SELECT count(*) FROM host_locks l WHERE l.task_id = t.id AND l.attempt = t.attempt) AS "held_hosts!",
            (
                SELECT count(*)
                FROM task_attempts o
                WHERE o.task_id = t.id AND o.claim_id IS NOT NULL AND (o.outcome IS DISTINCT FROM 'not_started' OR o.started_at IS NOT NULL)
            ) AS "tries!"
        FROM tasks t
        LEFT JOIN task_attempts a ON a.task_id = t.id AND a.attempt = t.attempt
        LEFT JOIN agents g ON g.id = a.agent_id
        WHERE t.id = ANY ($1)
        ORDER BY t.id
        FOR UPDATE OF t"#,
        task_ids,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Locked {
                attempt: row.newest(),
                held_hosts: usize::try_from(row.held_hosts).unwrap_or_default(),
                tries: u32::try_from(row.tries).unwrap_or(u32::MAX),
                task: Task::try_from(row)?,
            })
        })
        .collect()
}

/// The tasks of these steps in a plan's run.
pub async fn list_of_steps(connection: &mut PgConnection, plan_id: Uuid, step_ids: &[String]) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT id
        FROM tasks
        WHERE plan_id = $1 AND purpose = 'apply' AND step_id = ANY ($2)
        ORDER BY id",
        plan_id,
        step_ids,
    )
    .fetch_all(connection)
    .await?)
}

/// The unfinished tasks of a request, locked in their order.
pub async fn lock_unfinished(connection: &mut PgConnection, request_id: Uuid) -> Result<Vec<Locked>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT id
        FROM tasks
        WHERE request_id = $1 AND finished_at IS NULL
        ORDER BY id
        FOR UPDATE",
        request_id,
    )
    .fetch_all(&mut *connection)
    .await?;
    lock_all(connection, &ids).await
}

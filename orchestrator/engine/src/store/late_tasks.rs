//! What is read before tasks are added to a run that is under way, and which of them need not wait for steps.

use chiffon_kernel::store::Error;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::late::Made;
use crate::domain::task::Status;

/// A run, whose row this transaction now holds.
#[derive(Debug, Clone)]
pub struct UnderWay {
    /// The plan that counts.
    pub plan_id: Option<Uuid>,
    /// The request's.
    pub priority: i32,
    /// Its state, as the word in the database.
    pub status: String,
}

/// Locks a run; `None` when there is no such one.
pub async fn lock_run(connection: &mut PgConnection, run_id: Uuid) -> Result<Option<UnderWay>, Error> {
    Ok(sqlx::query_as!(UnderWay, "SELECT plan_id, priority, status FROM requests WHERE id = $1 FOR UPDATE", run_id)
        .fetch_optional(connection)
        .await?)
}

/// The tasks of a plan for real, in the order in which they were made.
pub async fn list_made(connection: &mut PgConnection, plan_id: Uuid) -> Result<Vec<Made>, Error> {
    let rows = sqlx::query!(
        r#"SELECT id, split_part(step_id, '.', 1) AS "step_id!", iteration, status, cancel_requested_at IS NOT NULL AS "cancel_requested!",
            consequence IS NOT DISTINCT FROM 'continue' AS "lets_go_on!", depends_on
        FROM tasks
        WHERE plan_id = $1 AND purpose = 'apply'
        ORDER BY id"#,
        plan_id,
    )
    .fetch_all(connection)
    .await?;
    let made = rows.into_iter().map(|row| {
        let bad = || Error::BadData { table: "tasks", column: "status", id: row.id.to_string(), value: row.status.clone() };
        Ok(Made {
            status: Status::from_word(&row.status).ok_or_else(bad)?,
            step_id: row.step_id,
            iteration: row.iteration,
            cancel_requested: row.cancel_requested,
            lets_go_on: row.lets_go_on,
            depends_on: row.depends_on,
        })
    });
    made.collect()
}

/// Lets those of these tasks be looked at for which all steps before are over.
pub async fn wake(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE tasks
        SET wait_key = 'look'
        WHERE id = ANY ($1) AND wait_key = 'steps'
        AND (SELECT true FROM tasks_behind_their_steps b WHERE b.id = tasks.id)",
        task_ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

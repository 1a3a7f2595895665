//! The host variables that a preview was made with, to which the run of its step is bound. Digests only; no value is stored.

use std::collections::BTreeMap;

use chiffon_kernel::store::Error;
use chiffon_kernel::store::storable::storable_json;
use chiffon_kernel::store::stored_json::read_json;
use chiffon_protocol::message::Variables;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

/// Keeps what a preview was made with, whatever became of it. What an earlier attempt of it was made with is replaced.
pub async fn set(connection: &mut PgConnection, task_id: Uuid, variables: &Variables) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE tasks
        SET variables = $2
        WHERE id = $1 AND purpose = 'preview'",
        task_id,
        storable_json(json!(variables)),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What the newest previews of these tasks' steps were made with; a task that was made late and has none of its own has that of its step's
/// first. Nothing where there was none, or its agent does not tell;
/// [`Error::BadData`] where one can't be read, because what can't be compared is not run.
pub async fn get_bound(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<BTreeMap<Uuid, Variables>, Error> {
    let rows = sqlx::query!(
        r#"SELECT t.id, p.variables AS "variables!"
        FROM tasks p
        JOIN tasks t ON t.plan_id = p.plan_id AND p.step_id IN (t.step_id, split_part(t.step_id, '.', 1))
        WHERE t.id = ANY ($1) AND t.purpose = 'apply' AND p.purpose = 'preview' AND p.variables IS NOT NULL
        ORDER BY p.iteration"#,
        task_ids,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| Ok((row.id, read_json("tasks", "variables", &format!("the preview of task {}", row.id), &row.variables)?)))
        .collect()
}

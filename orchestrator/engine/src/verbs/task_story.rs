//! What every change of a task leaves behind: an audit row where somebody decided or reported something, and an event for
//! live views.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store::{self, audit, events};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::Context;
use crate::domain::task::Status;
use crate::store::tasks::Task;

/// Audits a change and announces it. `particulars` is an object, to which the task's names are added.
pub async fn tell(
    context: &Context,
    connection: &mut PgConnection,
    task: &Task,
    to: Status,
    actor: &str,
    event: &'static str,
    particulars: Value,
) -> Result<(), store::Error> {
    let now = context.clock.now();
    let mut data = json!({"task_id": task.id, "step_id": task.step_id, "purpose": task.purpose, "attempt": task.attempt});
    if let (Value::Object(data), Value::Object(more)) = (&mut data, particulars) {
        data.extend(more);
    }
    audit::append(connection, task.request_id, &AuditEvent::new(actor, event, data), now).await?;
    show(connection, task, &json!({"status": to}), now).await
}

/// Announces a change that is no decision: progress, or what it waits for.
pub async fn show(connection: &mut PgConnection, task: &Task, changed: &Value, now: DateTime<Utc>) -> Result<(), store::Error> {
    let mut data = json!({"task_id": task.id, "step_id": task.step_id, "purpose": task.purpose, "title": task.title});
    if let (Value::Object(data), Value::Object(changed)) = (&mut data, changed) {
        data.extend(changed.clone());
    }
    events::add(connection, task.request_id, "task", &data, now).await
}

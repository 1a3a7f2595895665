//! What every change of a task leaves behind: an audit row where somebody decided or reported something, and an event for
//! live views.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::verbs::work::Work;
use serde_json::{Value, json};

use crate::domain::task::Status;
use crate::store::tasks::Task;

/// Audits a change and announces it. `particulars` is an object, to which the task's names are added.
pub fn tell(work: &mut Work, task: &Task, to: Status, actor: &str, event: &'static str, particulars: Value) {
    let mut data = json!({"task_id": task.id, "step_id": task.step_id, "purpose": task.purpose, "attempt": task.attempt});
    if let (Value::Object(data), Value::Object(more)) = (&mut data, particulars) {
        data.extend(more);
    }
    work.audit(task.request_id, AuditEvent::new(actor, event, data));
    show(work, task, &json!({"status": to}));
}

/// Announces a change that is no decision: progress, or what it waits for.
pub fn show(work: &mut Work, task: &Task, changed: &Value) {
    let mut data = json!({"task_id": task.id, "step_id": task.step_id, "purpose": task.purpose, "title": task.title});
    if let (Value::Object(data), Value::Object(changed)) = (&mut data, changed) {
        data.extend(changed.clone());
    }
    work.event(task.request_id, "task", data);
}

//! Has a notification tried again that was given up.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::role::Principal;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use uuid::Uuid;

use super::Context;
use crate::store::notices;

/// It is due at once ([`ErrorCode::NoticeNotFound`], [`ErrorCode::NoticeNotGivenUp`]).
pub async fn run(context: &Context, caller: &Principal, id: Uuid) -> Result<(), Problem> {
    let mut work = context.begin().await?;
    let found = notices::retry(&mut work, id, context.clock.now()).await?;
    let state = found.ok_or_else(|| {
        Problem::new(ErrorCode::NoticeNotFound, format!("there is no notification {id}; `GET /notifications` lists those that are kept"))
    })?;
    if state != "given_up" {
        let message = format!("the notification {id} is `{state}`; only one that was given up is tried again by hand");
        return Err(Problem::new(ErrorCode::NoticeNotGivenUp, message).with_details(json!({"state": state})));
    }
    work.audit_system(AuditEvent::new(&caller.name, "notification.retried", json!({"notice_id": id})));
    work.commit().await?;
    Ok(())
}

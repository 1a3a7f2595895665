//! A person says that nothing of a stopped run is left on a host, and gives the host back to other work (RELIABILITY 12, 13).

use chiffon_engine::store::host_locks;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::role::Principal;

use chiffon_protocol::{ErrorCode, Problem};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::resolve::may_resolve;
use super::submit::{checked_reason, may_ask};
use crate::store::requests;
use crate::verbs::Context;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Released {
    /// The host.
    pub host: String,
    /// The task for which it was reserved.
    pub task_id: Uuid,
    /// The task's request.
    pub request_id: Uuid,
    /// What might still have run there.
    pub may_still_run: Vec<String>,
    /// The same in words.
    pub text: String,
}

/// Gives a reserved host back. It is a person's word, so it wants a comment, and no program may say it.
pub async fn run(context: &Context, principal: &Principal, host: &str, comment: Option<&str>) -> Result<Released, Problem> {
    may_ask(principal)?;
    let Some(comment) = checked_reason(context, comment)? else {
        let message = format!("how do you know? Giving {host} back wants a comment, because your word stands in for the host's");
        return Err(Problem::new(ErrorCode::CommentMissing, message).with_details(json!({"host": host})));
    };
    let mut work = context.begin().await?;
    let task_id = host_locks::kept_for(&mut work, host).await?.ok_or_else(|| not_reserved(host))?;
    let request_id = requests::find_by_task(&mut work, task_id).await?.ok_or_else(|| not_reserved(host))?;
    // The request's row first, as everywhere; then it is looked at again whether somebody was quicker.
    let row = requests::lock(&mut work, request_id).await?.ok_or_else(|| not_reserved(host))?;
    may_resolve(context, &mut work, principal, &row).await?;
    let may_still_run = host_locks::let_go(&mut work, host, task_id).await?.ok_or_else(|| not_reserved(host))?;
    let data = json!({"host": host, "task_id": task_id, "may_still_run": may_still_run, "comment": comment});
    work.audit(request_id, AuditEvent::new(&principal.name, "host.released", data));
    work.wake_dispatcher();
    work.commit().await?;
    let text = format!("{} gave {host} back to other work: {comment}", principal.name);
    Ok(Released { host: host.to_owned(), task_id, request_id, may_still_run, text })
}

fn not_reserved(host: &str) -> Problem {
    let shown: String = host.chars().take(100).collect();
    let message = format!(
        "host `{}` is not reserved for anything that may still run; `chiffon release` lists those that are",
        shown.escape_default()
    );
    Problem::new(ErrorCode::HostNotReserved, message).with_details(json!({"host": shown}))
}

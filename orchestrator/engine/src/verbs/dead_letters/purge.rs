//! Purging dead letters: their content is thrown away, and the records say by whom.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use uuid::Uuid;

use super::replay::{not_found, settled};
use crate::store::dead_letters::{self, Which};
use crate::verbs::Context;

/// No audit row names more ids than this; it counts them all.
const NAMED_AT_MOST: usize = 100;

/// Purges one; a settled one is an error that says what became of it.
pub async fn one(context: &Context, actor: &str, id: Uuid) -> Result<(), Problem> {
    let mut work = context.begin().await?;
    let letter = dead_letters::lock(&mut work, id).await?.ok_or_else(|| not_found(id))?;
    if let Some(problem) = settled(&letter) {
        return Err(problem);
    }
    purge(context, work, actor, &Which { ids: Some(vec![id]), ..Which::default() }).await?;
    Ok(())
}

/// Purges all open ones that fit, which has to be asked for in so many words; how many.
pub async fn many(context: &Context, actor: &str, which: &Which, all: bool) -> Result<usize, Problem> {
    let names_any =
        which.ids.is_some() || which.queue.is_some() || which.code.is_some() || which.sender.is_some() || which.before.is_some();
    if names_any == all {
        let message = "name what is to be purged by `ids`, `queue`, `code`, `sender` or `before`, or say `\"all\": true`, and not both";
        return Err(Problem::new(ErrorCode::InvalidParameters, message));
    }
    let work = context.begin().await?;
    Ok(purge(context, work, actor, which).await?)
}

async fn purge(context: &Context, mut work: Work, actor: &str, which: &Which) -> Result<usize, store::Error> {
    let now = context.clock.now();
    let purged = dead_letters::purge(&mut work, which, actor, now).await?;
    if !purged.is_empty() {
        let named: Vec<&Uuid> = purged.iter().take(NAMED_AT_MOST).collect();
        let data = json!({
            "count": purged.len(), "ids": named, "queue": which.queue, "code": which.code, "sender": which.sender, "before": which.before,
        });
        work.audit_system(AuditEvent::new(actor, "dead_letters.purged", data));
    }
    work.commit().await?;
    Ok(purged.len())
}

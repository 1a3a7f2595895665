//! Letting go of dead letters that are too old or too many. Open ones among them are counted in the audit log: nobody has
//! looked at what they said.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::store;
use chrono::TimeDelta;
use serde_json::json;

use crate::store::dead_letters;
use crate::verbs::Context;

/// Lets go; how many.
pub async fn run(context: &Context) -> Result<usize, store::Error> {
    let limits = context.settings.dead_letters;
    let now = context.clock.now();
    let before = TimeDelta::from_std(limits.keep).ok().and_then(|keep| now.checked_sub_signed(keep)).unwrap_or_default();
    let mut work = context.begin().await?;
    let most_bytes = i64::try_from(limits.max_bytes).unwrap_or(i64::MAX);
    let dropped = dead_letters::drop_old(&mut work, before, i64::from(limits.most), most_bytes).await?;
    if dropped.open > 0 {
        let data =
            json!({"count": dropped.all, "open": dropped.open, "before": before, "most": limits.most, "max_bytes": limits.max_bytes});
        work.audit_system(AuditEvent::by_chiffon("dead_letters.let_go", data));
    }
    work.commit().await?;
    Ok(usize::try_from(dropped.all).unwrap_or_default())
}

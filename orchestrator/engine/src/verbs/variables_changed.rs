//! A run that its agent refused, because variables of its hosts are not those of the preview (5514): the same steps are planned again.
//!
//! Nothing of it was begun, so it leaves no record and its hosts are given back. Where another step has begun, it fails like any other.

use std::collections::BTreeMap;

use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::message::{Outcome as Ending, WorkResult};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

use super::{Context, task_story};
use crate::domain::task::{Purpose, Status};
use crate::store::attempts::{self, Finished};
use crate::store::host_locks;
use crate::store::task_changes::{Ended, set_ended};
use crate::store::task_locks::Locked;

/// So many hosts, and variables of each, are named.
const NAMED: usize = 10;

/// Plans again after such a result, in the caller's transaction; `false` where it is none, or something of the plan was begun.
pub(super) async fn run(
    context: &Context,
    work: &mut Work,
    locked: &Locked,
    ending: Ending,
    result: &WorkResult,
) -> Result<bool, store::Error> {
    let (task, now) = (&locked.task, work.now());
    let Some(error) = result.error.as_ref().filter(|error| error.code == ErrorCode::VariablesChanged.number()) else { return Ok(false) };
    let has_begun = ending != Ending::Failed || result.changed || result.hosts.iter().any(|host| host.ok > 0);
    if task.purpose != Purpose::Apply || has_begun || !context.run.can_plan_again(work, task.request_id, task.id).await? {
        return Ok(false);
    }
    let finished = Finished { attempt: task.attempt, outcome: ending, result, log: None };
    attempts::set_finished(work, &[finished], now).await?;
    let problem = Problem::from(error.clone());
    set_ended(work, &[&Ended::without_run(task.id, task.status, Status::Failed, &problem)], now).await?;
    host_locks::release(work, &[task.id]).await?;
    let agent = locked.attempt.as_ref().and_then(|owner| owner.agent_id.as_deref()).unwrap_or("chiffon");
    let particulars = json!({"agent_id": agent, "outcome": ending, "changed": false, "error": problem});
    task_story::tell(work, task, Status::Failed, agent, "task.finished", particulars);
    let what = words(&serde_json::from_value(error.details["variables"].clone()).unwrap_or_default());
    context.run.plan_again_because(context, work, task.request_id, &what).await?;
    Ok(true)
}

/// Which variables of which hosts.
fn words(changed: &BTreeMap<String, Vec<String>>) -> String {
    let of = |(host, names): (&String, &Vec<String>)| {
        let named: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
        if named.is_empty() { host.clone() } else { format!("{host} ({}{more})", named.join(", ")) }
    };
    let hosts: Vec<String> = changed.iter().take(NAMED).map(of).collect();
    let more = if changed.len() > NAMED { format!(" and {} more hosts", changed.len() - NAMED) } else { String::new() };
    if hosts.is_empty() {
        "variables of its hosts have changed".to_owned()
    } else {
        format!("variables of {}{more} have changed", hosts.join(", "))
    }
}

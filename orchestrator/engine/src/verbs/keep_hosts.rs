//! Hosts on which something of an attempt may still run after its end stay reserved, and their records say for what.
//!
//! Only the hosts that the task was granted, and only where no other task has them: nothing is taken from anybody. A person gives
//! them back ([`super::release_host`]).

use chiffon_kernel::store;
use chiffon_kernel::store::storable::storable;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::message::WorkResult;
use serde_json::json;

use super::claim::number;
use super::task_story;
use crate::domain::placement::release_command;
use crate::store::host_locks;
use crate::store::tasks::Task;

/// More is not told of one host; the task's warnings have it all.
const MOST_TOLD: usize = 20;
const LONGEST_CHARS: usize = 300;

/// Keeps what a result names.
pub(super) async fn run(work: &mut Work, task: &Task, result: &WorkResult) -> Result<(), store::Error> {
    for host in result.hosts.iter().filter(|host| !host.may_still_run.is_empty() && task.hosts.contains(&host.host)) {
        let told = host.may_still_run.iter().take(MOST_TOLD);
        let what: Vec<String> = told.map(|what| storable(what).chars().take(LONGEST_CHARS).collect()).collect();
        let (attempt, now) = (number(result.attempt), work.now());
        if !host_locks::keep(work, &host.host, (task.id, attempt), &what, now).await? {
            continue;
        }
        let particulars = json!({
            "host": host.host, "agent_id": result.agent_id, "attempt": attempt, "may_still_run": what,
            "reason": format!("{} is reserved: {}. Given back by: {}", host.host, what.join("; "), release_command(&host.host)),
        });
        task_story::tell(work, task, task.status, &result.agent_id, "host.reserved", particulars);
    }
    Ok(())
}

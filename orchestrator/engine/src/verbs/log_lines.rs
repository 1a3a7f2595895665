//! Log lines that agents report: stored, and shown to whoever follows the request.

use std::collections::BTreeMap;

use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::message::LogEvent;
use serde_json::json;
use uuid::Uuid;

use crate::domain::task::Purpose;
use crate::store::attempts::Attempt;
use crate::store::logs;

/// What was said of one attempt.
#[derive(Debug)]
pub(super) struct Lines<'l> {
    /// The request.
    pub(super) request_id: Uuid,
    /// What its task is for.
    pub(super) purpose: Purpose,
    /// The attempt.
    pub(super) attempt: &'l Attempt,
    /// The lines.
    pub(super) events: Vec<&'l LogEvent>,
}

/// Stores those that are new; for each attempt with lines up to which number all are stored now.
pub(super) async fn store(work: &mut Work, said: &[Lines<'_>]) -> Result<BTreeMap<(Uuid, i32), u64>, store::Error> {
    let with_lines: Vec<(&Attempt, Vec<&LogEvent>)> =
        said.iter().filter(|said| !said.events.is_empty()).map(|said| (said.attempt, said.events.clone())).collect();
    if with_lines.is_empty() {
        return Ok(BTreeMap::new());
    }
    let stored = logs::add(work, &with_lines).await?;
    let mut last = BTreeMap::new();
    for Lines { request_id, purpose, attempt, events } in said {
        if events.is_empty() {
            continue;
        }
        let key = (attempt.task_id, attempt.attempt);
        let stored = stored.get(&key);
        for &(from, to) in stored.into_iter().flat_map(|stored| &stored.new) {
            show(work, *request_id, *purpose, key, (from, to));
        }
        last.insert(key, stored.map_or(attempt.stored_seq, |stored| stored.contiguous).unsigned_abs());
    }
    Ok(last)
}

/// Tells who follows the request which lines of an attempt are new: the first and the last of a run without a gap.
pub(super) fn show(work: &mut Work, request_id: Uuid, purpose: Purpose, (task_id, attempt): (Uuid, i32), (from, to): (i64, i64)) {
    let data = json!({"task_id": task_id, "purpose": purpose, "attempt": attempt, "from": from, "to": to});
    work.event(request_id, "log", data);
}

//! The first thing after the database was restored from a backup: what may have happened since is marked, and waits for its owner
//! or for a person. Nothing that may have run since the backup is run again by itself (RELIABILITY 13).
//!
//! Attempts that were under way become `unknown`; their owners' reports resolve them. Requests that were running are paused, so
//! that a person looks first. Standing approvals are withdrawn: one that was withdrawn since would count again. Numbers of attempts jump, so that none can be mistaken for one that was made after the backup.
//! Commits that the audit repository has and the database does not are listed: they tell what was changed since.

use chiffon_engine::domain::task::Event as TaskEvent;
use chiffon_engine::store::{restores, task_locks};
use chiffon_engine::verbs::lose_attempt;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::waiting::{Wait, What};
use chiffon_kernel::store;
use chiffon_kernel::store::installation::{self, Restored};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_records::audit_repo::{AuditRepository, Found};
use chiffon_records::store::found_commits::{self, FoundCommit};
use chiffon_records::store::git_outbox;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::transition::{self, Change};
use crate::domain::request::{Event, Status};
use crate::store::requests;
use crate::store::standing_approvals::{self, Withdrawal};
use crate::verbs::Context;

/// Names of commits in one audit row.
const NAMED: usize = 100;

/// Deals with a restore that nobody has dealt with, in one transaction; whether there was one.
pub async fn run(context: &Context, repository: &AuditRepository) -> Result<bool, Problem> {
    let now = context.clock.now();
    let mut work = context.begin().await?;
    let Some(restored) = installation::lock_pending(&mut work).await? else { return Ok(false) };
    let commits = find_commits(&mut work, repository, now).await?;
    let fenced = restores::fence(&mut work, now).await?;
    let open = restores::list_open(&mut work).await?;
    for request_id in &open {
        one_request(context, &mut work, *request_id, &restored).await?;
    }
    let withdrawn = withdraw_standing(&mut work, &restored).await?;
    let data = json!({
        "epoch": restored.epoch, "backup_made_at": shown(restored.backup_made_at), "restored_at": shown(restored.restored_at),
        "open_requests": open.len(), "fenced_tasks": fenced, "commits_found": commits.len(),
        "standing_approvals_withdrawn": withdrawn,
    });
    work.audit_system(AuditEvent::by_chiffon("installation.restored", data));
    for named in commits.chunks(NAMED) {
        work.audit_system(AuditEvent::by_chiffon("audit.commits_found", json!({"commits": named})));
    }
    installation::set_dealt_with(&mut work).await?;
    work.commit().await?;
    tracing::warn!(
        backup_made_at = %restored.backup_made_at, open_requests = open.len(), commits_found = commits.len(),
        "the database was restored from a backup: what was running is unknown or paused until its agent or a person says more"
    );
    Ok(true)
}

/// Nobody stands for anything any more: what was withdrawn after the backup is not known here. How many were withdrawn.
async fn withdraw_standing(work: &mut Work, restored: &Restored) -> Result<usize, store::Error> {
    let made_at = shown(restored.backup_made_at);
    let why = format!("the database was restored from a backup made at {made_at}; whether this was withdrawn after that is not known");
    let now = work.now();
    let withdrawn = standing_approvals::withdraw_all(work, Withdrawal { by: "chiffon", why: Some(&why) }, now).await?;
    for id in &withdrawn {
        let data = json!({"standing_approval": id, "reason": why});
        work.audit_system(AuditEvent::by_chiffon("approval.withdrawn", data));
    }
    Ok(withdrawn.len())
}

/// The commits that the branch has and the database does not, newest first.
pub async fn find_commits(connection: &mut PgConnection, repository: &AuditRepository, at: DateTime<Utc>) -> Result<Vec<String>, Problem> {
    let known = git_outbox::list_commits(connection).await?;
    let repository = repository.clone();
    let found = tokio::task::spawn_blocking(move || repository.list_until(|id| known.contains(&id.to_string())))
        .await
        .map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?
        .map_err(|error| Problem::new(ErrorCode::AuditRepositoryFailed, error.to_string()))?;
    for commit in &found {
        found_commits::add(connection, &row(commit), at).await?;
    }
    Ok(found.iter().map(|commit| commit.id.to_string()).collect())
}

fn row(found: &Found) -> FoundCommit {
    let trailer = |key| found.trailer(key).map(str::to_owned);
    FoundCommit {
        commit_id: found.id.to_string(),
        record_id: trailer("Record-Id"),
        request_id: trailer("Request-Id"),
        task_id: trailer("Task-Id"),
        outcome: trailer("Outcome"),
        subject: found.subject().to_owned(),
    }
}

async fn one_request(context: &Context, work: &mut Work, id: Uuid, restored: &Restored) -> Result<(), store::Error> {
    let Some(mut row) = requests::lock(work, id).await? else { return Ok(()) };
    let made_at = shown(restored.backup_made_at);
    let was = row.status;
    let event = AuditEvent::by_chiffon("request.restored", json!({"backup_made_at": made_at, "status": was}));
    match was {
        Status::Running | Status::NeedsAttention => {
            let text = format!(
                "the database was restored from a backup made at {made_at}; what this request did after that is not known here. \
                 Look at its hosts and at the commits found since (chiffon sql \"SELECT * FROM found_commits\"), then resume or cancel it"
            );
            let held = if was == Status::Running { Event::Pause } else { Event::Hold };
            requests::set_held(work, id, Some("chiffon"), context.clock.now()).await?;
            transition::apply(context, work, &mut row, Change::new(held, event).waiting_for(What::Attention, text)).await?;
        }
        Status::AwaitingApproval => {
            let text = format!(
                "an approval; but the database was restored from a backup made at {made_at}: if this plan was approved after that, it \
                 has run already. Look at its hosts before you approve"
            );
            waits(context, work, &mut row, &event, Wait::new(What::Approval, text)).await?;
        }
        Status::Planning | Status::NeedsInput | Status::Discovering | Status::Previewing | Status::Paused => {
            work.audit(id, event);
        }
        Status::Completed | Status::Failed | Status::Cancelled | Status::Rejected | Status::Expired => {}
    }
    for locked in task_locks::lock_unfinished(work, id).await? {
        let attempt = locked.task.attempt;
        if locked.state().on(TaskEvent::LeaseExpired { attempt }).is_ok() {
            let why = format!("it was under way when the backup was made ({made_at}) that the database was restored from");
            lose_attempt::mark(context, work, &locked, ErrorCode::RestoredFromBackup, &why).await?;
        }
    }
    Ok(())
}

async fn waits(context: &Context, work: &mut Work, row: &mut requests::Row, event: &AuditEvent, why: Wait) -> Result<(), store::Error> {
    let now = context.clock.now();
    let value = why.since(now);
    requests::set_waiting_for(work, row.id, &value, now).await?;
    work.audit(row.id, event.clone());
    row.waiting_for = Some(value);
    transition::tell(work, row, None);
    Ok(())
}

fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

//! Commits records to the audit repository, one after the other, exactly once (RELIABILITY 22); many in one look, with one sync.
//!
//! Only the holder of the lease writes. The commits' ids are stored under the holder's epoch before the branch moves, so a
//! crash at any step is repaired by the same code: what the branch contains is settled, everything else is made again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_kernel::store::{self, root};
use chiffon_kernel::verbs::Context;
use chiffon_kernel::verbs::holding::Holding;
use chiffon_kernel::verbs::work::Work;
use chiffon_process::traces::{Kind, Span, SpanId};
use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, Utc};
use git2::Oid;
use serde_json::Value;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::audit_repo::{AuditRepository, CommitPlan, RepositoryError};
use crate::store::git_outbox::{self, Made, Open};
use crate::verbs::record::{self, Stories};

/// The lease's name.
pub const LEASE: &str = "git_scribe";
/// How many looks its lease lasts: what a killed scribe owed waits for so long.
const LEASE_TICKS: u32 = 8;
/// A batch is cut off after so many: it has to be noted while the lease lasts.
const BATCH_TICKS: u32 = 2;
/// The trailer by which a commit names its trace.
const TRACE_ID: &str = "Trace-Id: ";
/// More are committed in the next look, which begins at once.
const BATCH: u16 = 64;

/// A record with the commit that is to be made for it.
struct Planned {
    record: Open,
    /// What it tells from now on; `None` where that was fixed before.
    payload: Option<Value>,
    plan: CommitPlan,
}

/// A record whose commit the branch contains.
struct Settled {
    record: Open,
    commit: String,
}

fn commit_of(record: &Open) -> Option<Oid> {
    record.commit_id.as_deref().and_then(|id| Oid::from_str(id).ok())
}

/// Commits records.
#[derive(Debug)]
pub struct GitScribe {
    context: Context,
    repository: AuditRepository,
    holding: Holding,
}

impl GitScribe {
    /// A scribe for this repository.
    pub fn new(context: Context, repository: AuditRepository) -> Self {
        Self { context, repository, holding: Holding::new(LEASE) }
    }

    /// Settles what is open, as far as one batch; how many records were settled.
    pub async fn settle_open(&self) -> Result<usize, Problem> {
        let Some((epoch, open)) = self.take_open().await? else { return Ok(0) };
        if open.is_empty() {
            return Ok(0);
        }
        let found = open.len();
        let (contained, rest) = self.split(open).await?;
        let (planned, failed) = self.plans(rest).await;
        let written = self.write(planned, epoch).await?;
        let settled = contained.len() + written.len();
        if settled > 0 {
            self.in_repository(AuditRepository::sync).await?;
        }
        self.note_settled(contained.into_iter().chain(written)).await?;
        if let Some((record_id, problem)) = failed {
            let mut connection = self.context.store.acquire().await?;
            git_outbox::set_error(&mut connection, record_id, &problem.message).await?;
            return Err(problem);
        }
        if settled > 0 && (settled < found || found == usize::from(BATCH)) {
            self.context.wakes.git_scribe.notify_one();
        }
        Ok(settled)
    }

    /// What is open, and the epoch in which it is ours to settle. The connection is given back before anything is written to the disk.
    async fn take_open(&self) -> Result<Option<(i64, Vec<Open>)>, Problem> {
        let lease = self.context.settings.tick * LEASE_TICKS;
        let Some(epoch) = self.holding.epoch(&self.context, lease).await? else { return Ok(None) };
        let mut connection = self.context.store.acquire().await?;
        Ok(Some((epoch, git_outbox::list_open(&mut connection, i64::from(BATCH)).await?)))
    }

    /// Those whose commits the branch contains, and those that are still to be committed.
    async fn split(&self, open: Vec<Open>) -> Result<(Vec<Settled>, Vec<Open>), Problem> {
        let known: Vec<Oid> = open.iter().filter_map(commit_of).collect();
        let contained: BTreeSet<Oid> = if known.is_empty() {
            BTreeSet::new()
        } else {
            self.in_repository(move |repository| {
                let contains = |commit: &Oid| repository.contains(*commit).map(|contains| contains.then_some(*commit));
                known.iter().filter_map(|commit| contains(commit).transpose()).collect()
            })
            .await?
        };
        let (mut settled, mut rest) = (Vec::new(), Vec::new());
        for record in open {
            match commit_of(&record).filter(|commit| contained.contains(commit)) {
                Some(commit) => settled.push(Settled { record, commit: commit.to_string() }),
                None => rest.push(record),
            }
        }
        Ok((settled, rest))
    }

    /// What is committed for these. Order matters: what comes later waits for what is still arriving, and for what can't be told.
    async fn plans(&self, open: Vec<Open>) -> (Vec<Planned>, Option<(Uuid, Problem)>) {
        if let Ok(planned) = self.plan(&open).await {
            return (planned, None);
        }
        // One of them can't be told: those before it are, each by itself.
        let mut planned = Vec::new();
        for record in open {
            match self.plan(std::slice::from_ref(&record)).await.map(|mut planned| planned.pop()) {
                Ok(Some(plan)) => planned.push(plan),
                Ok(None) => break,
                Err(problem) => return (planned, Some((record.id, problem))),
            }
        }
        (planned, None)
    }

    /// Commits these one on the other, notes their commits, and moves the branch to the last. None of them, where the epoch is over.
    async fn write(&self, planned: Vec<Planned>, epoch: i64) -> Result<Vec<Settled>, Problem> {
        if planned.is_empty() {
            return Ok(Vec::new());
        }
        let (first, began) = (planned.first().map(|planned| planned.record.id), self.context.clock.now());
        let traces: Vec<Option<String>> = planned.iter().map(|planned| self.trace_of(&planned.plan)).collect();
        let mut plans = Vec::with_capacity(planned.len());
        let records: Vec<(Open, Option<Value>)> = planned
            .into_iter()
            .map(|Planned { record, payload, plan }| {
                plans.push(plan);
                (record, payload)
            })
            .collect();
        let (clock, until) = (Arc::clone(&self.context.clock), self.cut_off_at());
        let written = self
            .in_repository(move |repository| {
                let before = repository.head()?;
                Ok((before, repository.write(&plans, before, || clock.elapsed() > until)?))
            })
            .await;
        let (before, commits) = match written {
            Ok(written) => written,
            Err(problem) => return self.failed(first, problem).await,
        };
        let Some(last) = commits.last().copied() else { return Ok(Vec::new()) };
        let (mut made, mut settled) = (Vec::with_capacity(commits.len()), Vec::with_capacity(commits.len()));
        for ((record, payload), commit) in records.into_iter().zip(commits) {
            let commit = commit.to_string();
            made.push(Made { id: record.id, payload, commit_id: commit.clone() });
            settled.push(Settled { record, commit });
        }
        let mut work = self.context.begin().await?;
        if !git_outbox::set_commits(&mut work, &made, LEASE, epoch).await? {
            return Ok(Vec::new());
        }
        work.commit().await?;
        if let Err(problem) = self.in_repository(move |repository| repository.move_branch(before, last)).await {
            return self.failed(first, problem).await;
        }
        for (settled, trace_id) in settled.iter().zip(traces) {
            self.trace(settled, trace_id, began);
        }
        Ok(settled)
    }

    /// The trace that a commit names, where somebody takes it.
    fn trace_of(&self, plan: &CommitPlan) -> Option<String> {
        // The trailers stand at the end, and what came from outside before them.
        let trace_id = plan.message.lines().rev().find_map(|line| line.strip_prefix(TRACE_ID))?;
        self.context.traces.keeps(trace_id).then(|| trace_id.to_owned())
    }

    fn trace(&self, settled: &Settled, trace_id: Option<String>, began: DateTime<Utc>) {
        let Some(trace_id) = trace_id else { return };
        let Settled { record, commit } = settled;
        self.context.traces.add(&trace_id, || {
            Span::new(SpanId::of_message(self.context.ids.new_message_id()), Kind::Internal, "commit", began, self.context.clock.now())
                .under(SpanId::of_request(record.request_id))
                .with("chiffon.request.id", record.request_id)
                .with_some("chiffon.task.id", record.task_id)
                .with("vcs.ref.head.revision", commit.as_str())
        });
    }

    fn cut_off_at(&self) -> Duration {
        self.context.clock.elapsed() + self.context.settings.tick * BATCH_TICKS
    }

    async fn failed(&self, record_id: Option<Uuid>, problem: Problem) -> Result<Vec<Settled>, Problem> {
        if let Some(record_id) = record_id {
            let mut connection = self.context.store.acquire().await?;
            git_outbox::set_error(&mut connection, record_id, &problem.message).await?;
        }
        Err(problem)
    }

    /// What is committed for records: rendered once, and the same ever after. For those before the first whose log is still arriving, and
    /// no more than there is room for.
    async fn plan(&self, records: &[Open]) -> Result<Vec<Planned>, Problem> {
        let stories = {
            let mut snapshot = self.context.store.snapshot().await?;
            let stories = Stories::read(&mut snapshot, records, self.context.clock.now()).await?;
            store::commit(snapshot).await?;
            stories
        };
        let mut planned = Vec::with_capacity(records.len());
        for record in records {
            let payload = if record.is_rendered() {
                None
            } else {
                let Some(payload) = stories.render(record) else { break };
                Some(serde_json::to_value(&payload).map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?)
            };
            let Some(plan) = record::commit_plan(payload.as_ref().unwrap_or(&record.payload), &record.author, record.at) else { break };
            planned.push(Planned { record: record.clone(), payload, plan });
        }
        Ok(planned)
    }

    /// Those of requests that nobody holds together, and each of the others by itself: people wait for one, never for the whole batch.
    async fn note_settled(&self, settled: impl Iterator<Item = Settled>) -> Result<(), Problem> {
        let mut of_requests: BTreeMap<Uuid, Vec<Settled>> = BTreeMap::new();
        for settled in settled {
            of_requests.entry(settled.record.request_id).or_default().push(settled);
        }
        if of_requests.is_empty() {
            return Ok(());
        }
        let mut work = self.context.begin().await?;
        let free = root::lock_free(&mut work, &of_requests.keys().copied().collect::<Vec<_>>()).await?;
        let (together, held): (BTreeMap<_, _>, BTreeMap<_, _>) = of_requests.into_iter().partition(|(id, _)| free.contains(id));
        note(&mut work, together.into_values().flatten().collect()).await?;
        work.commit().await?;
        for (request_id, of_request) in held {
            let mut work = self.context.begin().await?;
            // The request before its tasks, as everybody has it: whoever ends a task holds the request, and would wait for this.
            root::lock(&mut work, request_id).await?;
            note(&mut work, of_request).await?;
            work.commit().await?;
        }
        Ok(())
    }

    /// libgit2 blocks on the disk, so it works on a thread for that.
    async fn in_repository<T, F>(&self, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&AuditRepository) -> Result<T, RepositoryError> + Send + 'static,
    {
        let repository = self.repository.clone();
        tokio::task::spawn_blocking(move || work(&repository))
            .await
            .map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?
            .map_err(|error| Problem::new(ErrorCode::AuditRepositoryFailed, error.to_string()))
    }
}

/// Notes commits in the records of requests that are locked.
async fn note(work: &mut Work, settled: Vec<Settled>) -> Result<(), Problem> {
    let commits: Vec<(Uuid, &str)> = settled.iter().map(|settled| (settled.record.id, settled.commit.as_str())).collect();
    let now = work.now();
    git_outbox::settle(work, &commits, now).await?;
    for Settled { record, commit } in &settled {
        work.event(record.request_id, "commit", serde_json::json!({"task_id": record.task_id, "commit": commit}));
    }
    Ok(())
}

#[async_trait]
impl Chore for GitScribe {
    fn name(&self) -> &'static str {
        LEASE
    }

    fn wake(&self) -> &Notify {
        &self.context.wakes.git_scribe
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let done = self.settle_open().await?;
        // A record whose log is still arriving is looked at again soon.
        let is_waiting = done == 0 && git_outbox::has_open(&mut *self.context.store.acquire().await?).await?;
        Ok(if is_waiting { TickReport::of(0) } else { TickReport::or_idle(done) })
    }
}

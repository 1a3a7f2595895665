//! Commits records to the audit repository, one after the other, exactly once (RELIABILITY 22).
//!
//! Only the holder of the lease writes. The commit's id is stored under the holder's epoch before the branch moves, so a
//! crash at any step is repaired by the same code: what the branch contains is settled, everything else is made again.

use async_trait::async_trait;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_kernel::store::{leases, root};
use chiffon_kernel::verbs::Context;
use chiffon_protocol::{ErrorCode, Problem};
use git2::Oid;
use tokio::sync::Notify;

use crate::audit_repo::{AuditRepository, CommitPlan, RepositoryError};
use crate::store::git_outbox::{self, Open};
use crate::verbs::record;

/// The lease's name.
pub const LEASE: &str = "git_scribe";
/// How many looks its lease lasts: what a killed scribe owed waits for so long.
const LEASE_TICKS: u32 = 8;
const BATCH: i64 = 50;

/// Commits records.
#[derive(Debug)]
pub struct GitScribe {
    context: Context,
    repository: AuditRepository,
}

impl GitScribe {
    /// A scribe for this repository.
    pub fn new(context: Context, repository: AuditRepository) -> Self {
        Self { context, repository }
    }

    /// Settles what is open; how many records were settled.
    pub async fn settle_open(&self) -> Result<usize, Problem> {
        let Some((epoch, open)) = self.take_open().await? else { return Ok(0) };
        let mut settled = 0;
        for record in open {
            match self.settle(&record, epoch).await {
                Ok(true) => settled += 1,
                // Order matters: what comes later waits for what is still arriving.
                Ok(false) => break,
                Err(problem) => {
                    let mut connection = self.context.store.acquire().await?;
                    git_outbox::set_error(&mut connection, record.id, &problem.message).await?;
                    return Err(problem);
                }
            }
        }
        Ok(settled)
    }

    /// What is open, and the epoch in which it is ours to settle. The connection is given back before anything is written to the disk.
    async fn take_open(&self) -> Result<Option<(i64, Vec<Open>)>, Problem> {
        let mut connection = self.context.store.acquire().await?;
        let lease = self.context.settings.tick * LEASE_TICKS;
        let Some(epoch) = leases::acquire(&mut connection, LEASE, &self.context.instance, lease).await? else { return Ok(None) };
        Ok(Some((epoch, git_outbox::list_open(&mut connection, BATCH).await?)))
    }

    async fn settle(&self, record: &Open, epoch: i64) -> Result<bool, Problem> {
        if let Some(commit) = record.commit_id.as_deref().and_then(|id| Oid::from_str(id).ok())
            && self.in_repository(move |repository| repository.contains(commit)).await?
        {
            self.in_repository(AuditRepository::sync).await?;
            return self.note_settled(record, &commit.to_string()).await;
        }
        let Some(plan) = self.plan(record).await? else { return Ok(false) };
        let (parent, commit) = self
            .in_repository(move |repository| {
                let parent = repository.head()?;
                Ok((parent, repository.write(&plan, parent)?))
            })
            .await?;
        let id = commit.to_string();
        let noted = {
            let mut connection = self.context.store.acquire().await?;
            git_outbox::set_commit(&mut connection, record.id, &id, LEASE, epoch).await?
        };
        if !noted {
            return Ok(false);
        }
        self.in_repository(move |repository| repository.move_branch(parent, commit).and_then(|()| repository.sync())).await?;
        self.note_settled(record, &id).await
    }

    /// What is committed for a record: rendered once, and the same ever after. `None` while its log is still arriving.
    async fn plan(&self, record: &Open) -> Result<Option<CommitPlan>, Problem> {
        if let Some(plan) = record::commit_plan(&record.payload, &record.author, record.at) {
            return Ok(Some(plan));
        }
        let mut transaction = self.context.store.begin().await?;
        let Some(payload) = record::render(&mut transaction, record, self.context.clock.now()).await? else { return Ok(None) };
        let value = serde_json::to_value(&payload).map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?;
        git_outbox::set_payload(&mut transaction, record.id, &value).await?;
        transaction.commit().await.map_err(chiffon_kernel::store::Error::from)?;
        Ok(record::commit_plan(&value, &record.author, record.at))
    }

    async fn note_settled(&self, record: &Open, commit_id: &str) -> Result<bool, Problem> {
        let now = self.context.clock.now();
        let mut transaction = self.context.store.begin().await?;
        // The request before its task, as everybody has it: whoever ends the task holds the request, and would wait for this.
        root::lock(&mut transaction, record.request_id).await?;
        git_outbox::settle(&mut transaction, record.id, commit_id, now).await?;
        let data = serde_json::json!({"task_id": record.task_id, "commit": commit_id});
        chiffon_kernel::store::events::add(&mut transaction, record.request_id, "commit", &data, now).await?;
        transaction.commit().await.map_err(chiffon_kernel::store::Error::from)?;
        Ok(true)
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

#[async_trait]
impl Chore for GitScribe {
    fn name(&self) -> &'static str {
        LEASE
    }

    fn wake(&self) -> &Notify {
        &self.context.wakes.git_scribe
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        self.settle_open().await.map(TickReport::of)
    }
}

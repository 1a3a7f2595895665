//! Several tasks with their requests, under the locks of this transaction.

use std::collections::BTreeMap;

use chiffon_kernel::store::Error;
use sqlx::PgConnection;
use uuid::Uuid;

use super::task_locks::{Locked, OfRequest, lock_all, lock_requests_of};

/// Tasks and their requests, by their ids.
#[derive(Debug)]
pub struct Held {
    requests: BTreeMap<Uuid, OfRequest>,
    tasks: BTreeMap<Uuid, Locked>,
}

impl Held {
    /// A task and its request; `None` when there is no such task.
    pub fn get(&self, task_id: Uuid) -> Option<(&OfRequest, &Locked)> {
        let locked = self.tasks.get(&task_id)?;
        Some((self.requests.get(&locked.task.request_id)?, locked))
    }

    /// All tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &Locked> {
        self.tasks.values()
    }

    /// Takes a task as it is by now.
    pub fn set(&mut self, locked: Locked) {
        self.tasks.insert(locked.task.id, locked);
    }
}

/// Locks the requests of these tasks, then the tasks, each in the order of their ids.
pub async fn hold(connection: &mut PgConnection, task_ids: &[Uuid]) -> Result<Held, Error> {
    let requests = lock_requests_of(connection, task_ids).await?;
    let tasks = lock_all(connection, task_ids).await?;
    Ok(Held {
        requests: requests.into_iter().map(|request| (request.id, request)).collect(),
        tasks: tasks.into_iter().map(|locked| (locked.task.id, locked)).collect(),
    })
}

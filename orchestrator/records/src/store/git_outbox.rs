//! What has to be committed to the audit repository, and what such a commit tells.

use std::collections::HashSet;

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// A record that has no settled commit yet.
#[derive(Debug, Clone)]
pub struct Open {
    /// Its id, the commit's `Record-Id`.
    pub id: Uuid,
    /// The request.
    pub request_id: Uuid,
    /// The task.
    pub task_id: Option<Uuid>,
    /// `{}` until the record was rendered.
    pub payload: Value,
    /// The commit's author.
    pub author: String,
    /// The commit's time.
    pub at: DateTime<Utc>,
    /// The commit that was made for it, if one was.
    pub commit_id: Option<String>,
}

impl Open {
    /// Whether what it tells is fixed.
    pub fn is_rendered(&self) -> bool {
        self.payload.as_object().is_none_or(|payload| !payload.is_empty())
    }

    /// The task of which it is still to be told; `None` when that is fixed.
    pub fn unrendered(&self) -> Option<Uuid> {
        self.task_id.filter(|_| !self.is_rendered())
    }
}

/// Adds records of tasks, each with its own id, in the name of whoever asked; what they tell is rendered when they are committed.
pub async fn add(connection: &mut PgConnection, records: &[(Uuid, Uuid)], at: DateTime<Utc>) -> Result<(), Error> {
    let (ids, tasks): (Vec<Uuid>, Vec<Uuid>) = records.iter().copied().unzip();
    sqlx::query!(
        "INSERT INTO git_outbox (id, request_id, task_id, payload, author, at)
        SELECT record.id, t.request_id, t.id, '{}', p.name, $3
        FROM unnest($1::uuid[], $2::uuid[]) AS record (id, task_id)
        JOIN tasks t ON t.id = record.task_id
        JOIN requests r ON r.id = t.request_id
        JOIN principals p ON p.id = r.principal_id",
        &ids,
        &tasks,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Drops records of a task that nobody has rendered: what they would tell is not its end any more.
pub async fn drop_unrendered(connection: &mut PgConnection, task_id: Uuid) -> Result<(), Error> {
    sqlx::query!("DELETE FROM git_outbox WHERE task_id = $1 AND payload = '{}'::jsonb AND commit_id IS NULL", task_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The records to be committed, oldest first.
pub async fn list_open(connection: &mut PgConnection, limit: i64) -> Result<Vec<Open>, Error> {
    Ok(sqlx::query_as!(
        Open,
        "SELECT id, request_id, task_id, payload, author, at, commit_id
        FROM git_outbox
        WHERE settled_at IS NULL
        ORDER BY at, id
        LIMIT $1",
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// Whether a record has no settled commit yet.
pub async fn has_open(connection: &mut PgConnection) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM git_outbox WHERE settled_at IS NULL) AS "open!""#).fetch_one(connection).await?)
}

/// A commit that is about to become a record's.
#[derive(Debug, Clone)]
pub struct Made {
    /// The record.
    pub id: Uuid,
    /// What it tells from now on; `None` where that was fixed before.
    pub payload: Option<Value>,
    /// The commit.
    pub commit_id: String,
}

/// Notes the commits that are about to become these records', and fixes what they tell, as long as the scribe's epoch is the current one.
/// `false`: it is not, or somebody else has settled or dropped one of them, and the caller must roll back.
pub async fn set_commits(connection: &mut PgConnection, made: &[Made], lease: &str, epoch: i64) -> Result<bool, Error> {
    let ids: Vec<Uuid> = made.iter().map(|made| made.id).collect();
    let payloads: Vec<Option<Value>> = made.iter().map(|made| made.payload.clone()).collect();
    let commit_ids: Vec<String> = made.iter().map(|made| made.commit_id.clone()).collect();
    let done = sqlx::query!(
        "UPDATE git_outbox
        SET payload = COALESCE(made.payload, git_outbox.payload), commit_id = made.commit_id, epoch = $5, tries = tries + 1
        FROM unnest($1::uuid[], $2::jsonb[], $3::text[]) AS made (id, payload, commit_id)
        WHERE git_outbox.id = made.id
        AND settled_at IS NULL
        AND EXISTS (SELECT FROM leases WHERE name = $4 AND leases.epoch = $5 AND expires_at > now())",
        &ids,
        &payloads as &[Option<Value>],
        &commit_ids,
        lease,
        epoch,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == ids.len() as u64)
}

/// Notes that the branch contains these records' commits, and names each in its task.
pub async fn settle(connection: &mut PgConnection, commits: &[(Uuid, &str)], at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "WITH settled AS (
            UPDATE git_outbox
            SET settled_at = $3, commit_id = made.commit_id, last_error = NULL
            FROM unnest($1::uuid[], $2::text[]) AS made (id, commit_id)
            WHERE git_outbox.id = made.id
            RETURNING task_id, made.commit_id
        )
        UPDATE tasks
        SET commit_id = settled.commit_id
        FROM settled
        WHERE tasks.id = settled.task_id",
        &commits.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        &commits.iter().map(|(_, commit)| (*commit).to_owned()).collect::<Vec<_>>(),
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes why a record could not be committed.
pub async fn set_error(connection: &mut PgConnection, id: Uuid, error: &str) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE git_outbox
        SET last_error = $2, tries = tries + 1
        WHERE id = $1",
        id,
        error,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A record with the commit that was made for it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its id, the commit's `Record-Id`.
    pub id: Uuid,
    /// The request.
    pub request_id: Uuid,
    /// The task.
    pub task_id: Option<Uuid>,
    /// What it tells.
    pub payload: Value,
    /// The commit's author.
    pub author: String,
    /// The commit's time.
    pub at: DateTime<Utc>,
    /// The commit.
    pub commit_id: String,
    /// Whether the branch was seen to contain it.
    pub settled: bool,
}

/// The records that have a commit, in the order of their ids after a cursor.
pub async fn list_recorded(connection: &mut PgConnection, after: Uuid, limit: i64) -> Result<Vec<Recorded>, Error> {
    Ok(sqlx::query_as!(
        Recorded,
        r#"SELECT id, request_id, task_id, payload, author, at, commit_id AS "commit_id!", (settled_at IS NOT NULL) AS "settled!"
        FROM git_outbox
        WHERE commit_id IS NOT NULL AND id > $1
        ORDER BY id
        LIMIT $2"#,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// The ids of all recorded commits.
pub async fn list_commits(connection: &mut PgConnection) -> Result<HashSet<String>, Error> {
    let ids = sqlx::query_scalar!(r#"SELECT commit_id AS "commit_id!" FROM git_outbox WHERE commit_id IS NOT NULL"#)
        .fetch_all(connection)
        .await?;
    Ok(ids.into_iter().collect())
}

//! The installation itself: whether its database was restored from a backup, and whether what follows from that is done.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Error;

/// A restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// How many there were, with this one.
    pub epoch: i32,
    /// The moment it went back to.
    pub backup_made_at: DateTime<Utc>,
    /// When it was done.
    pub restored_at: DateTime<Utc>,
}

/// Notes that this database has just been restored; the next orchestrator to start deals with it.
pub async fn set_restored(connection: &mut PgConnection, backup_made_at: DateTime<Utc>, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE installation
        SET epoch = epoch + 1, backup_made_at = $1, restored_at = $2, fence_pending = true",
        backup_made_at,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The restore that nobody has dealt with yet, until the transaction ends; `None` when there is none. Another process that asks
/// meanwhile waits.
pub async fn lock_pending(connection: &mut PgConnection) -> Result<Option<Restored>, Error> {
    Ok(sqlx::query_as!(
        Restored,
        r#"SELECT epoch, backup_made_at AS "backup_made_at!", restored_at AS "restored_at!"
        FROM installation
        WHERE fence_pending AND backup_made_at IS NOT NULL AND restored_at IS NOT NULL
        FOR UPDATE"#
    )
    .fetch_optional(connection)
    .await?)
}

/// Notes that the restore was dealt with.
pub async fn set_dealt_with(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!("UPDATE installation SET fence_pending = false").execute(connection).await?;
    Ok(())
}

/// Whether the database was ever restored from a backup.
pub async fn was_restored(connection: &mut PgConnection) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(r#"SELECT restored_at IS NOT NULL AS "restored!" FROM installation"#).fetch_one(connection).await?)
}

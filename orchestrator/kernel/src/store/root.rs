//! The row that is locked before anything of a run is changed: whoever holds it is alone with the request, its plans and its tasks.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// Locks those of these that there are and that nobody holds at this moment, until the transaction ends.
pub async fn lock_free(connection: &mut PgConnection, request_ids: &[Uuid]) -> Result<BTreeSet<Uuid>, Error> {
    let locked = sqlx::query_scalar!("SELECT id FROM requests WHERE id = ANY ($1) ORDER BY id FOR UPDATE SKIP LOCKED", request_ids)
        .fetch_all(connection)
        .await?;
    Ok(locked.into_iter().collect())
}

/// Locks it until the transaction ends; whether there is such a request.
pub async fn lock(connection: &mut PgConnection, request_id: Uuid) -> Result<bool, Error> {
    let found = sqlx::query_scalar!("SELECT id FROM requests WHERE id = $1 FOR UPDATE", request_id).fetch_optional(connection).await?;
    Ok(found.is_some())
}

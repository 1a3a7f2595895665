//! The row that is locked before anything of a run is changed: whoever holds it is alone with the request, its plans and its tasks.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// Locks it until the transaction ends; whether there is such a request.
pub async fn lock(connection: &mut PgConnection, request_id: Uuid) -> Result<bool, Error> {
    let found = sqlx::query_scalar!("SELECT id FROM requests WHERE id = $1 FOR UPDATE", request_id).fetch_optional(connection).await?;
    Ok(found.is_some())
}

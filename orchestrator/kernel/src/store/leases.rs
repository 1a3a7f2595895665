//! Which process does what only one may do, with a fencing epoch. By Postgres time, so that clocks need not agree.

use std::time::Duration;

use sqlx::PgConnection;

use super::Error;

/// Takes or renews a lease; the epoch under which the holder may write, or `None` while somebody else holds it.
/// The epoch rises whenever the holder changes, and when its own lease had run out. While more than half of it is left nothing is
/// written, so that an idle hour costs little.
pub async fn acquire(connection: &mut PgConnection, name: &str, holder: &str, lease: Duration) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!(
        r#"WITH held AS (
            SELECT epoch
            FROM leases
            WHERE name = $1 AND holder = $2 AND expires_at > now() + make_interval(secs => $3::float8 / 2)
        ), taken AS (
            INSERT INTO leases (name, holder, epoch, expires_at)
            SELECT $1, $2, 1, now() + make_interval(secs => $3::float8)
            WHERE NOT EXISTS (SELECT FROM held)
            ON CONFLICT (name) DO UPDATE
            SET holder = $2,
                epoch = leases.epoch + CASE WHEN leases.holder = $2 AND leases.expires_at > now() THEN 0 ELSE 1 END,
                expires_at = now() + make_interval(secs => $3)
            WHERE leases.holder = $2 OR leases.expires_at <= now()
            RETURNING epoch
        )
        SELECT epoch AS "epoch!"
        FROM held
        UNION ALL
        SELECT epoch
        FROM taken"#,
        name,
        holder,
        lease.as_secs_f64(),
    )
    .fetch_optional(connection)
    .await?)
}

/// Gives a lease back early.
pub async fn release(connection: &mut PgConnection, name: &str, holder: &str) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE leases
        SET expires_at = now()
        WHERE name = $1 AND holder = $2",
        name,
        holder,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives all of a holder's leases back, at its stop.
pub async fn release_all(connection: &mut PgConnection, holder: &str) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE leases
        SET expires_at = now()
        WHERE holder = $1 AND expires_at > now()",
        holder,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether this epoch of a lease still counts, for as long as the transaction lasts in which it is asked.
pub async fn is_held(connection: &mut PgConnection, name: &str, epoch: i64) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        "SELECT epoch
        FROM leases
        WHERE name = $1 AND epoch = $2 AND expires_at > now()
        FOR SHARE",
        name,
        epoch,
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

//! Which process does what only one may do, with a fencing epoch. By Postgres time, so that clocks need not agree.

use std::time::Duration;

use sqlx::PgConnection;

use super::Error;

/// A lease that its holder has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    /// Under which the holder may write.
    pub epoch: i64,
    /// How much of it is left.
    pub left: Duration,
}

/// Takes or renews a lease; `None` while somebody else holds it.
/// The epoch rises whenever the holder changes, and when its own lease had run out. While more than half of it is left nothing is
/// written, so that an idle hour costs little.
pub async fn acquire(connection: &mut PgConnection, name: &str, holder: &str, lease: Duration) -> Result<Option<Held>, Error> {
    let held = sqlx::query!(
        r#"WITH held AS (
            SELECT epoch, EXTRACT(EPOCH FROM expires_at - now())::float8 AS seconds
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
            RETURNING epoch, $3::float8 AS seconds
        )
        SELECT epoch AS "epoch!", seconds AS "seconds!"
        FROM held
        UNION ALL
        SELECT epoch, seconds
        FROM taken"#,
        name,
        holder,
        lease.as_secs_f64(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(held.map(|held| Held { epoch: held.epoch, left: Duration::try_from_secs_f64(held.seconds).unwrap_or_default() }))
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

//! Agents that said hello and were refused, so that people can see them, once each and counted.

use chiffon_kernel::store::Error;
use chiffon_kernel::store::storable::storable;
use chiffon_protocol::Problem;
use chiffon_protocol::message::AgentHello;
use sqlx::PgConnection;

/// Notes a refusal, and lets go those of which nothing was heard for a month. Whether it is the first of its kind.
pub async fn add(connection: &mut PgConnection, hello: &AgentHello, key_id: &str, why: &Problem) -> Result<bool, Error> {
    sqlx::query!("DELETE FROM refused_hellos WHERE last_at < now() - interval '30 days'").execute(&mut *connection).await?;
    let (agent_id, hostname, version, message) =
        (storable(&hello.agent_id), storable(&hello.hostname), storable(&hello.version), storable(&why.message));
    let times = sqlx::query_scalar!(
        "INSERT INTO refused_hellos AS r (agent_id, key_id, code, agent_type, hostname, version, message, first_at, last_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, now(), now())
        ON CONFLICT (agent_id, key_id, code) DO UPDATE
        SET agent_type = $4, hostname = $5, version = $6, message = $7, last_at = now(), times = r.times + 1
        RETURNING times",
        agent_id.as_ref(),
        key_id,
        i32::from(why.code.number()),
        hello.agent_type.as_str(),
        hostname.as_ref(),
        version.as_ref(),
        message.as_ref(),
    )
    .fetch_one(connection)
    .await?;
    Ok(times == 1)
}

/// Most rows of agents whose key nobody has enrolled: anybody who reaches the broker can make up more.
const STRANGERS: i64 = 100;

/// Whether another agent with a key that is not enrolled can be noted: this one is known already, or there is room.
pub async fn has_room(connection: &mut PgConnection, agent_id: &str, key_id: &str, code: i32) -> Result<bool, Error> {
    let agent_id = storable(agent_id);
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) < $4 OR COALESCE(bool_or(agent_id = $1 AND key_id = $2), false) AS "has_room!"
        FROM refused_hellos
        WHERE code = $3"#,
        agent_id.as_ref(),
        key_id,
        code,
        STRANGERS,
    )
    .fetch_one(connection)
    .await?)
}

/// Notes that a refused agent still sends; `false` when it was not noted before.
pub async fn touch(connection: &mut PgConnection, agent_id: &str, key_id: &str, code: i32) -> Result<bool, Error> {
    let agent_id = storable(agent_id);
    let done = sqlx::query!(
        "UPDATE refused_hellos
        SET last_at = now(), times = least(times, 2147483646) + 1
        WHERE agent_id = $1 AND key_id = $2 AND code = $3",
        agent_id.as_ref(),
        key_id,
        code,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets that an agent was refused, which is not refused any more. An older start of it still is.
pub async fn clear(connection: &mut PgConnection, agent_id: &str, key_id: &str, older_start: i32) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM refused_hellos
        WHERE agent_id = $1 AND key_id = $2 AND code <> $3",
        agent_id,
        key_id,
        older_start,
    )
    .execute(connection)
    .await?;
    Ok(())
}

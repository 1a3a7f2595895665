//! Agents: who said hello, their newest report, and their leases by Postgres time (RELIABILITY 10).

use std::time::Duration;

use chiffon_kernel::store::Error;
use chiffon_kernel::store::storable::storable_json;
use chiffon_protocol::message::{AgentHello, Heartbeat};
use serde_json::Value;
use sqlx::PgConnection;

/// An agent as far as its identity goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub agent_type: String,
    /// Its machine.
    pub hostname: String,
    /// The id of its key.
    pub key_id: String,
    /// Of its newest start.
    pub incarnation: i64,
    /// Whether a person wants something of it.
    pub is_ordered: bool,
}

/// What is known of one agent.
pub async fn get(connection: &mut PgConnection, id: &str) -> Result<Option<Identity>, Error> {
    Ok(list(connection, &[id.to_owned()]).await?.pop())
}

/// What is known of those of these agents that there are, in the order of their ids.
pub async fn list(connection: &mut PgConnection, ids: &[String]) -> Result<Vec<Identity>, Error> {
    Ok(sqlx::query_as!(
        Identity,
        r#"SELECT id, agent_type, hostname, key_id, incarnation, desired_at IS NOT NULL AS "is_ordered!"
        FROM agents
        WHERE id = ANY ($1)
        ORDER BY id"#,
        ids,
    )
    .fetch_all(connection)
    .await?)
}

/// The id of the agent that signs with this key.
pub async fn find_by_key(connection: &mut PgConnection, key_id: &str) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT id
        FROM agents
        WHERE key_id = $1
        LIMIT 1",
        key_id,
    )
    .fetch_optional(connection)
    .await?)
}

/// The id of another agent of the same kind on the same machine whose lease holds.
pub async fn find_live_on(connection: &mut PgConnection, hello: &AgentHello) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT id
        FROM agents
        WHERE hostname = $1 AND agent_type = $2 AND id <> $3 AND lease_expires_at > now()
        LIMIT 1",
        hello.hostname,
        hello.agent_type.as_str(),
        hello.agent_id,
    )
    .fetch_optional(connection)
    .await?)
}

/// Stores what an agent says of itself; its lease runs from now. `false`: a later start of it, or another key, has said hello before.
pub async fn set_hello(
    connection: &mut PgConnection,
    hello: &AgentHello,
    key_id: &str,
    incarnation: i64,
    lease: Duration,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO agents AS a (id, agent_type, hostname, key_id, incarnation, journal_id, version, labels, resources, hosts,
            problems, not_offered, last_seen_at, lease_expires_at, enrolled_at, hello_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12, $13, now(), now() + make_interval(secs => $11), now(), now())
        ON CONFLICT (id) DO UPDATE
        SET agent_type = $2, hostname = $3, incarnation = $5, journal_id = $6, version = $7, labels = $8, resources = $9, hosts = $10,
            problems = $12, not_offered = $13,
            availability = CASE WHEN a.incarnation < $5 THEN 'available' ELSE a.availability END,
            heartbeat_seq = CASE WHEN a.incarnation < $5 THEN 0 ELSE a.heartbeat_seq END,
            heartbeat = CASE WHEN a.incarnation < $5 THEN NULL ELSE a.heartbeat END,
            last_seen_at = now(), lease_expires_at = now() + make_interval(secs => $11), hello_at = now()
        WHERE a.key_id = $4 AND a.incarnation <= $5",
        hello.agent_id,
        hello.agent_type.as_str(),
        hello.hostname,
        key_id,
        incarnation,
        hello.journal_id,
        hello.version,
        storable_json(serde_json::to_value(&hello.labels).unwrap_or_default()),
        storable_json(serde_json::to_value(&hello.resources).unwrap_or_default()),
        storable_json(serde_json::to_value(&hello.hosts).unwrap_or_default()),
        lease.as_secs_f64(),
        storable_json(serde_json::to_value(&hello.problems).unwrap_or_default()),
        storable_json(serde_json::to_value(&hello.not_offered).unwrap_or_default()),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A heartbeat with the key that signed it.
#[derive(Debug, Clone)]
pub struct Signed<'h> {
    /// What it says.
    pub heartbeat: &'h Heartbeat,
    /// The id of the signer's key.
    pub key_id: &'h str,
}

/// What became of an accepted heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The agent.
    pub agent_id: String,
    /// Its start.
    pub incarnation: i64,
    /// The heartbeat's number.
    pub seq: i64,
    /// Whether it takes work again after it did not.
    pub became_available: bool,
}

/// Renews the leases of agents that sent a newer heartbeat of their current start, all in one statement.
pub async fn beat(connection: &mut PgConnection, beats: &[Signed<'_>], lease: Duration) -> Result<Vec<Accepted>, Error> {
    let ids: Vec<String> = beats.iter().map(|beat| beat.heartbeat.agent_id.clone()).collect();
    let incarnations: Vec<i64> = beats.iter().map(|beat| signed(beat.heartbeat.incarnation)).collect();
    let seqs: Vec<i64> = beats.iter().map(|beat| signed(beat.heartbeat.seq)).collect();
    let keys: Vec<String> = beats.iter().map(|beat| beat.key_id.to_owned()).collect();
    let availabilities: Vec<String> = beats.iter().map(|beat| beat.heartbeat.availability.as_str().to_owned()).collect();
    let bodies: Vec<Value> = beats.iter().map(|beat| storable_json(serde_json::to_value(beat.heartbeat).unwrap_or_default())).collect();
    Ok(sqlx::query_as!(
        Accepted,
        r#"WITH beats AS (
            SELECT *
            FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[])
                AS b (id, incarnation, seq, key_id, availability, body)
        ), before AS (
            SELECT agents.id, agents.availability
            FROM agents
            JOIN beats ON beats.id = agents.id
            ORDER BY agents.id
            FOR UPDATE OF agents
        )
        UPDATE agents
        SET last_seen_at = now(), lease_expires_at = now() + make_interval(secs => $7), heartbeat_seq = beats.seq,
            heartbeat = beats.body, availability = beats.availability
        FROM beats
        JOIN before ON before.id = beats.id
        WHERE agents.id = beats.id AND agents.incarnation = beats.incarnation AND agents.key_id = beats.key_id
        AND agents.heartbeat_seq < beats.seq
        RETURNING agents.id AS "agent_id!", agents.incarnation AS "incarnation!", agents.heartbeat_seq AS "seq!",
            (before.availability <> 'available' AND agents.availability = 'available') AS "became_available!""#,
        &ids,
        &incarnations,
        &seqs,
        &keys,
        &availabilities,
        &bodies,
        lease.as_secs_f64(),
    )
    .fetch_all(connection)
    .await?)
}

/// The newest start of each of these agents that the records know.
pub async fn incarnations(connection: &mut PgConnection, ids: &[String]) -> Result<Vec<(String, i64)>, Error> {
    let rows = sqlx::query!(
        "SELECT id, incarnation
        FROM agents
        WHERE id = ANY ($1)",
        ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.incarnation)).collect())
}

/// A wish to stop that an agent has not answered with a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCancel {
    /// The task.
    pub task_id: uuid::Uuid,
    /// Its request.
    pub request_id: uuid::Uuid,
    /// The request's trace.
    pub trace_id: String,
    /// The owner.
    pub agent_id: String,
    /// The owner's newest start.
    pub incarnation: i64,
    /// Only this attempt; none: whatever runs of the task.
    pub attempt: Option<i32>,
    /// By whom and why.
    pub reason: String,
}

/// The open wishes to stop for tasks of these agents (RELIABILITY 15).
pub async fn list_open_cancels(connection: &mut PgConnection, ids: &[String]) -> Result<Vec<OpenCancel>, Error> {
    Ok(sqlx::query_as!(
        OpenCancel,
        r#"SELECT tasks.id AS task_id, tasks.request_id, r.trace_id, a.id AS agent_id, a.incarnation,
            NULL::int AS attempt, COALESCE(tasks.cancel_reason, '') AS "reason!"
        FROM tasks
        JOIN task_attempts t ON t.task_id = tasks.id AND t.attempt = tasks.attempt
        JOIN agents a ON a.id = t.agent_id
        JOIN requests r ON r.id = tasks.request_id
        WHERE tasks.finished_at IS NULL AND tasks.cancel_requested_at IS NOT NULL AND t.finished_at IS NULL AND a.id = ANY ($1)"#,
        ids,
    )
    .fetch_all(connection)
    .await?)
}

/// A wire number as Postgres keeps it.
pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

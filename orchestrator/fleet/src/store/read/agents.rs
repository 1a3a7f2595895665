//! The fleet: who is there, what they run, and how they have been.

use chiffon_kernel::store::Error;
use chiffon_protocol::kind::Kinds;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgPool;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::unknown_kind;

/// An agent as its newest hello and heartbeat tell.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentView {
    /// Stable over restarts.
    pub agent_id: String,
    /// The name of its kind.
    pub agent_type: String,
    /// Its machine.
    pub hostname: String,
    /// Whether its lease is running, by Postgres time.
    pub alive: bool,
    /// `available | busy | paused`, as it says itself.
    pub availability: String,
    /// `active | paused | drained`: what a person wants of it.
    pub desired: String,
    /// Since when; null while nobody ever wanted anything but that it works.
    pub desired_at: Option<DateTime<Utc>>,
    /// Who wants it.
    pub desired_by: Option<String>,
    /// Why.
    pub desired_reason: String,
    /// Whether its newest start ends once it has finished what it runs.
    pub ends: bool,
    /// When it was last heard.
    pub last_seen_at: DateTime<Utc>,
    /// Until when it counts as alive.
    pub lease_expires_at: DateTime<Utc>,
    /// Its first hello.
    pub enrolled_at: DateTime<Utc>,
    /// Its program's version.
    pub version: String,
    /// Of its newest start.
    pub incarnation: i64,
    /// The key it signs with.
    pub key_id: String,
    /// For people and placement.
    pub labels: Value,
    /// What its machine has in all.
    pub resources: Value,
    /// Inventory groups with their hosts.
    pub hosts: Value,
    /// The actions it announces.
    pub actions: Vec<String>,
    /// The actions that it has and does not offer: name, code and reason of each.
    pub not_offered: Value,
    /// The tasks it owns at this moment.
    pub running: Vec<Uuid>,
    /// What it had to leave out beside actions, and why: sources of hosts that can't be read.
    pub problems: Value,
    /// Its newest heartbeat.
    pub heartbeat: Option<Value>,
    /// Why this orchestrator gives it no work although it may be there: it does not know its kind. Null where it does.
    pub left_alone: Option<String>,
}

/// All agents, or the one with this id, by id.
pub async fn list(pool: &PgPool, kinds: &Kinds, agent_id: Option<&str>) -> Result<Vec<AgentView>, Error> {
    let mut agents = sqlx::query_as!(
        AgentView,
        r#"SELECT a.id AS agent_id, a.agent_type, a.hostname, a.lease_expires_at > now() AS "alive!", a.availability, a.last_seen_at,
            a.desired, a.desired_at, a.desired_by, a.desired_reason,
            COALESCE(a.desired = 'drained' AND a.desired_incarnation = a.incarnation, false) AS "ends!", a.lease_expires_at, a.enrolled_at, a.version, a.incarnation, a.key_id, a.labels, a.resources, a.hosts, a.problems, a.not_offered,
            COALESCE(c.actions, '{}') AS "actions!", COALESCE(w.running, '{}') AS "running!", a.heartbeat,
            NULL::text AS left_alone
        FROM agents a
        LEFT JOIN (
            SELECT agent_id, array_agg(name ORDER BY name) AS actions
            FROM agent_actions
            GROUP BY agent_id
        ) c ON c.agent_id = a.id
        LEFT JOIN (
            SELECT agent_id, array_agg(task_id ORDER BY claimed_at) AS running
            FROM task_attempts
            WHERE claimed_at IS NOT NULL AND finished_at IS NULL
            GROUP BY agent_id
        ) w ON w.agent_id = a.id
        WHERE $1::text IS NULL OR a.id = $1
        ORDER BY a.id"#,
        agent_id,
    )
    .fetch_all(pool)
    .await?;
    for agent in &mut agents {
        agent.left_alone = agent.agent_type.parse().ok().and_then(|kind| unknown_kind::refusal(kinds, &kind));
    }
    Ok(agents)
}

/// An agent that said hello and was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusedView {
    /// Who it says it is.
    pub agent_id: String,
    /// The name of its kind.
    pub agent_type: String,
    /// Its machine.
    pub hostname: String,
    /// The key it signs with.
    pub key_id: String,
    /// Its program's version.
    pub version: String,
    /// The error code.
    pub code: i32,
    /// Why, and what to do.
    pub message: String,
    /// When it was first refused.
    pub first_at: DateTime<Utc>,
    /// When it was last refused.
    pub last_at: DateTime<Utc>,
    /// How often.
    pub times: i32,
}

/// How many agents were refused within the last day.
pub async fn count_refused(pool: &PgPool) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(DISTINCT (agent_id, key_id)) AS "count!"
        FROM refused_hellos
        WHERE last_at > now() - interval '1 day'"#,
    )
    .fetch_one(pool)
    .await?)
}

/// How many connected agents had to leave something out.
pub async fn count_with_problems(pool: &PgPool) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
        FROM agents
        WHERE (problems <> '[]' OR not_offered <> '[]') AND lease_expires_at > now()"#,
    )
    .fetch_one(pool)
    .await?)
}

/// Agents that were refused within the last day, the newest first.
pub async fn refused(pool: &PgPool) -> Result<Vec<RefusedView>, Error> {
    Ok(sqlx::query_as!(
        RefusedView,
        "SELECT agent_id, agent_type, hostname, key_id, version, code, message, first_at, last_at, times
        FROM refused_hellos
        WHERE last_at > now() - interval '1 day'
        ORDER BY last_at DESC, agent_id, code
        LIMIT 100",
    )
    .fetch_all(pool)
    .await?)
}

/// One heartbeat's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Sample {
    /// Postgres time at receipt.
    pub at: DateTime<Utc>,
    /// Percent of all cores.
    pub cpu_percent: f64,
    /// One-minute load average.
    pub load_1m: f64,
    /// MiB.
    pub memory_total_mb: i64,
    /// MiB.
    pub memory_available_mb: i64,
    /// Of the busiest GPU; null without one.
    pub gpu_percent: Option<f64>,
    /// MiB free on the freest GPU; null without one.
    pub gpu_memory_free_mb: Option<i64>,
    /// Attempts it ran.
    pub running: i32,
}

/// The newest samples in a span of time, newest first.
pub async fn metrics(
    pool: &PgPool,
    agent_id: &str,
    since: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
    limit: i64,
) -> Result<Vec<Sample>, Error> {
    Ok(sqlx::query_as!(
        Sample,
        "SELECT at, cpu_percent, load_1m, memory_total_mb, memory_available_mb, gpu_percent, gpu_memory_free_mb, running
        FROM resource_metrics
        WHERE agent_id = $1 AND ($2::timestamptz IS NULL OR at >= $2) AND ($3::timestamptz IS NULL OR at < $3)
        ORDER BY at DESC
        LIMIT $4",
        agent_id,
        since,
        before,
        limit,
    )
    .fetch_all(pool)
    .await?)
}

/// How many agents are alive, and how many are known, by kind.
pub async fn alive(pool: &PgPool) -> Result<Vec<(String, i64, i64)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT agent_type, count(*) FILTER (WHERE lease_expires_at > now()) AS "alive!", count(*) AS "known!"
        FROM agents
        GROUP BY agent_type
        ORDER BY agent_type"#
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.agent_type, row.alive, row.known)).collect())
}

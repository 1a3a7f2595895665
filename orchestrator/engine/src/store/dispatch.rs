//! What the dispatcher reads beside the tasks that could go: agents that could take them, what is promised already, and plans.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_fleet::store::agent_orders;
use chiffon_kernel::store::Error;
use chiffon_kernel::store::stored_json::read_json;
use chiffon_plans::domain::plan::PlanDocument;
use chiffon_plans::domain::reference::OutputsByStep;
use chiffon_protocol::kind::Kinds;
use chiffon_protocol::message::{AgentType, Availability, Heartbeat, Resources};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::placement::{AgentView, Free};

/// Every agent with what it announced, what it last reported free, and what is promised of it.
pub async fn list_agents(connection: &mut PgConnection, kinds: &Kinds) -> Result<Vec<AgentView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT a.id, a.agent_type, a.hostname, a.hosts, a.resources, a.availability, a.heartbeat, a.last_seen_at,
            a.lease_expires_at > now() AS "alive!", a.desired, a.desired_at, a.desired_by, a.desired_reason,
            COALESCE(a.desired_incarnation = a.incarnation, false) AS "is_for_this_start!",
            COALESCE((SELECT jsonb_object_agg(h.name, h.sha256) FROM agent_actions h WHERE h.agent_id = a.id), '{}') AS "actions!"
        FROM agents a
        ORDER BY a.id"#,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut agents = Vec::with_capacity(rows.len());
    for row in rows {
        let Ok(agent_type) = row.agent_type.parse::<AgentType>() else {
            tracing::warn!(agent_id = row.id, kind = row.agent_type, "an agent is left out, because its kind can't be read");
            continue;
        };
        // What can't be read of an agent is not guessed: it gets no work, and others do.
        let mut unreadable = None;
        let groups: BTreeMap<String, BTreeSet<String>> = noted(read_json("agents", "hosts", &row.id, &row.hosts), &mut unreadable);
        let heartbeat = row.heartbeat.as_ref().map(|heartbeat| read_json("agents", "heartbeat", &row.id, heartbeat)).transpose();
        let heartbeat: Option<Heartbeat> = noted(heartbeat, &mut unreadable);
        let total: Resources = noted(read_json("agents", "resources", &row.id, &row.resources), &mut unreadable);
        let actions = noted(read_json("agent_actions", "sha256", &row.id, &row.actions), &mut unreadable);
        let availability = read_json("agents", "availability", &row.id, &Value::String(row.availability)).map(Some);
        let availability = noted(availability, &mut unreadable).unwrap_or(Availability::Paused);
        let order = agent_orders::Row {
            agent_id: row.id.clone(),
            desired: row.desired,
            desired_at: row.desired_at,
            desired_by: row.desired_by,
            desired_reason: row.desired_reason,
            is_for_this_start: row.is_for_this_start,
        };
        let own_host = kinds.get(&agent_type).filter(|kind| kind.reaches_own_host()).map(|_| row.hostname.clone());
        let hosts = groups.into_values().flatten().chain(own_host).collect();
        agents.push(AgentView {
            order: noted(order.order(), &mut unreadable),
            agent_type,
            availability,
            hosts,
            actions,
            free: free(heartbeat.as_ref(), &total),
            unreadable,
            reserved: Resources::default(),
            id: row.id,
            hostname: row.hostname,
            alive: row.alive,
            last_seen_at: row.last_seen_at,
        });
    }
    promise(&mut agents, list_promised(connection).await?);
    Ok(agents)
}

/// What was read, or nothing with a note of the first thing that can't be.
fn noted<T: Default>(read: Result<T, Error>, unreadable: &mut Option<String>) -> T {
    read.unwrap_or_else(|error| {
        unreadable.get_or_insert(error.to_string());
        T::default()
    })
}

/// What a task needs that an agent has, or that is on its way to one.
struct Promised {
    task_id: Uuid,
    agent_type: String,
    hosts: Vec<String>,
    resources: Value,
    agent_id: Option<String>,
}

/// From the tasks that are out, of which there are few, not from all attempts that ever were.
async fn list_promised(connection: &mut PgConnection) -> Result<Vec<Promised>, Error> {
    Ok(sqlx::query_as!(
        Promised,
        "SELECT t.id AS task_id, t.agent_type, t.hosts, t.resources, o.agent_id
        FROM tasks t
        JOIN task_attempts o ON o.task_id = t.id AND o.attempt = t.attempt
        WHERE t.status IN ('dispatched', 'running', 'unknown') AND t.finished_at IS NULL AND o.finished_at IS NULL",
    )
    .fetch_all(connection)
    .await?)
}

/// Counts what is promised to its owner, or, while nobody has claimed it, to each agent that may.
fn promise(agents: &mut [AgentView], promised: Vec<Promised>) {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    if promised.iter().any(|promised| promised.agent_id.is_none()) {
        for (place, agent) in agents.iter().enumerate() {
            for host in &agent.hosts {
                places.entry(host.clone()).or_default().push(place);
            }
        }
    }
    let by_id: BTreeMap<String, usize> = agents.iter().enumerate().map(|(place, agent)| (agent.id.clone(), place)).collect();
    for task in promised {
        let needs = read_json::<Resources>("tasks", "resources", &task.task_id, &task.resources);
        let chosen: Vec<usize> = match (&task.agent_id, task.hosts.first()) {
            (Some(id), _) => by_id.get(id).copied().into_iter().collect(),
            (None, None) => (0..agents.len()).collect(),
            (None, Some(host)) => places.get(host).cloned().unwrap_or_default(),
        };
        let may_have = |agent: &AgentView| {
            task.agent_id.is_some()
                || agent.agent_type.as_str() == task.agent_type && task.hosts.iter().all(|host| agent.hosts.contains(host))
        };
        for place in chosen {
            if let Some(agent) = agents.get_mut(place).filter(|agent| may_have(agent)) {
                match &needs {
                    Ok(needs) => agent.reserved = sum(&[std::mem::take(&mut agent.reserved), needs.clone()]),
                    // It has work of which nobody knows what it takes.
                    Err(error) => drop(agent.unreadable.get_or_insert_with(|| error.to_string())),
                }
            }
        }
    }
}

/// What all of these need together.
pub fn sum(resources: &[Resources]) -> Resources {
    resources.iter().fold(Resources::default(), |all, one| Resources {
        gpu: all.gpu || one.gpu,
        memory_gb: all.memory_gb + one.memory_gb,
        gpu_memory_gb: all.gpu_memory_gb + one.gpu_memory_gb,
        cpu_cores: all.cpu_cores + one.cpu_cores,
    })
}

/// What is free by the newest heartbeat; before the first, what the machine has by its hello, as far as it says.
fn free(heartbeat: Option<&Heartbeat>, total: &Resources) -> Free {
    let known = |number: f64| (number > 0.0).then_some(number);
    let Some(heartbeat) = heartbeat else {
        let gpu_memory_gb = known(total.gpu_memory_gb);
        return Free {
            memory_gb: known(total.memory_gb),
            cpu_cores: known(total.cpu_cores),
            gpu_memory_gb,
            has_gpu: total.gpu.then_some(true),
        };
    };
    let gib = |mib: u64| f64::from(u32::try_from(mib).unwrap_or(u32::MAX)) / 1024.0;
    Free {
        memory_gb: known(gib(heartbeat.memory.total_mb)).map(|_| gib(heartbeat.memory.available_mb)),
        cpu_cores: known(f64::from(heartbeat.cpu.cores)),
        gpu_memory_gb: Some(heartbeat.gpus.iter().map(|gpu| gib(gpu.memory_free_mb)).fold(0.0, f64::max)),
        has_gpu: Some(!heartbeat.gpus.is_empty()),
    }
}

/// What an offer needs to know of its plan.
#[derive(Debug, Clone)]
pub struct PlanPart {
    /// The approved hash; empty while the plan has none.
    pub sha256: String,
    /// The plan.
    pub document: PlanDocument,
    /// What completed steps of the same purpose gave back; of a step with several tasks, a list for each output, in their order.
    pub outputs: OutputsByStep,
}

/// The hashes of plans.
pub async fn plan_hashes(connection: &mut PgConnection, plan_ids: &[Uuid]) -> Result<BTreeMap<Uuid, String>, Error> {
    let rows = sqlx::query!("SELECT id, sha256 FROM plans WHERE id = ANY ($1)", plan_ids).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.sha256.unwrap_or_default())).collect())
}

/// The plan with the outputs of its completed steps, for filling in references.
pub async fn plan_part(connection: &mut PgConnection, plan_id: Uuid, purpose: &str) -> Result<PlanPart, Error> {
    let plan = sqlx::query!("SELECT sha256, body FROM plans WHERE id = $1", plan_id).fetch_one(&mut *connection).await?;
    let document = read_json("plans", "body", &plan_id, &plan.body)?;
    let rows = sqlx::query!(
        r#"SELECT split_part(step_id, '.', 1) AS "step_id!", outputs
        FROM tasks
        WHERE plan_id = $1 AND purpose = $2 AND status = 'completed'
        ORDER BY 1, iteration"#,
        plan_id,
        purpose,
    )
    .fetch_all(connection)
    .await?;
    let mut given: BTreeMap<String, Vec<Map<String, Value>>> = BTreeMap::new();
    for row in rows {
        let outputs = read_json("tasks", "outputs", &format!("step {} of plan {plan_id}", row.step_id), &row.outputs)?;
        given.entry(row.step_id).or_default().push(outputs);
    }
    let outputs = given.into_iter().map(|(step_id, outputs)| (step_id, together(outputs))).collect();
    Ok(PlanPart { sha256: plan.sha256.unwrap_or_default(), document, outputs })
}

/// What the tasks of one step gave back.
fn together(mut of_tasks: Vec<Map<String, Value>>) -> Map<String, Value> {
    if of_tasks.len() == 1 {
        return of_tasks.remove(0);
    }
    let names: BTreeSet<String> = of_tasks.iter().flat_map(|outputs| outputs.keys().cloned()).collect();
    let each = |name: &String| of_tasks.iter().map(|outputs| outputs.get(name).cloned().unwrap_or_default()).collect();
    names.iter().map(|name| (name.clone(), Value::Array(each(name)))).collect()
}

/// Tasks whose offer nobody claimed in time.
pub async fn list_unclaimed(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT id
        FROM tasks
        WHERE status = 'dispatched' AND finished_at IS NULL AND claim_by <= $1
        ORDER BY claim_by",
        now,
    )
    .fetch_all(connection)
    .await?)
}

/// The unfinished steps of the same purpose that come after a step, at any distance.
pub async fn list_dependents(connection: &mut PgConnection, plan_id: Uuid, purpose: &str, step_id: &str) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        r#"WITH RECURSIVE after (id, step_id) AS (
            SELECT t.id, split_part(t.step_id, '.', 1) FROM tasks t WHERE t.plan_id = $1 AND t.purpose = $2 AND $3 = ANY (t.depends_on)
            UNION
            SELECT t.id, split_part(t.step_id, '.', 1) FROM tasks t JOIN after ON after.step_id = ANY (t.depends_on) WHERE t.plan_id = $1 AND t.purpose = $2
        )
        SELECT tasks.id AS "id!"
        FROM after
        JOIN tasks ON tasks.id = after.id
        WHERE tasks.status = 'pending'
        ORDER BY tasks.id"#,
        plan_id,
        purpose,
        step_id,
    )
    .fetch_all(connection)
    .await?)
}

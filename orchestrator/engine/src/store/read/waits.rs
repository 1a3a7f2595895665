//! Why tasks wait, as it is at this moment. What was told when they began to wait stays in their rows until they wait for something
//! else: who holds a host, and how long ago an agent was seen, changes too often to be written for all that wait.

use chiffon_fleet::domain::unknown_kind;
use chiffon_kernel::domain::waiting::{Wait, WaitingFor, What};
use chiffon_kernel::store::Error;
use chiffon_protocol::kind::Kinds;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::tasks::TaskView;
use crate::domain::placement::{Placement, advised, place};
use crate::domain::task::Status;
use crate::store::{dispatch, host_locks, ready};

/// Whether the reason depends on agents and on other tasks.
fn changes(waiting_for: &WaitingFor) -> bool {
    matches!(waiting_for.what, What::Agent | What::Action | What::Host | What::Resources)
}

/// Puts the reasons of these tasks right, and that of their request where it shows one of theirs.
pub async fn refresh(
    connection: &mut PgConnection,
    kinds: &Kinds,
    tasks: &mut [TaskView],
    of_request: Option<&mut WaitingFor>,
) -> Result<(), Error> {
    let waiting = |task: &&mut TaskView| task.status == Status::Waiting.as_str() && task.waiting_for.as_deref().is_some_and(changes);
    let ids: Vec<Uuid> = tasks.iter_mut().filter(waiting).map(|task| task.task_id).collect();
    let reasons = reasons(connection, kinds, &ids).await?;
    let mut shown = of_request;
    for (task_id, why) in reasons {
        let Some(waiting_for) = tasks.iter_mut().find(|task| task.task_id == task_id).and_then(|task| task.waiting_for.as_deref_mut())
        else {
            continue;
        };
        if let Some(of_request) = shown.take_if(|of_request| **of_request == *waiting_for) {
            say(of_request, &why);
        }
        say(waiting_for, &why);
    }
    Ok(())
}

/// The same for open requests in a list, each with what it waits for.
pub async fn refresh_list(pool: &PgPool, kinds: &Kinds, mut requests: Vec<(Uuid, &mut WaitingFor)>) -> Result<(), Error> {
    requests.retain(|(_, waiting_for)| changes(waiting_for));
    let ids: Vec<Uuid> = requests.iter().map(|(request_id, _)| *request_id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut connection = pool.acquire().await?;
    let shown = sqlx::query!(
        "SELECT DISTINCT ON (r.id) r.id AS request_id, t.id AS task_id
        FROM requests r
        JOIN tasks t ON t.request_id = r.id AND t.status = 'waiting' AND t.waiting_for = r.waiting_for
        WHERE r.id = ANY ($1)
        ORDER BY r.id, t.id",
        &ids,
    )
    .fetch_all(&mut *connection)
    .await?;
    let task_ids: Vec<Uuid> = shown.iter().map(|shown| shown.task_id).collect();
    for (task_id, why) in reasons(&mut connection, kinds, &task_ids).await? {
        let request_id = shown.iter().find(|shown| shown.task_id == task_id).map(|shown| shown.request_id);
        if let Some((_, waiting_for)) = requests.iter_mut().find(|request| Some(request.0) == request_id) {
            say(waiting_for, &why);
        }
    }
    Ok(())
}

/// What these tasks wait for that the dispatcher has found nothing for. One that could go by now keeps its words until it does.
async fn reasons(connection: &mut PgConnection, kinds: &Kinds, ids: &[Uuid]) -> Result<Vec<(Uuid, Wait)>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut tasks = ready::get(connection, ids).await?.ready;
    tasks.retain(|task| task.wait_key.is_some() && task.is_explained);
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    let now: DateTime<Utc> = sqlx::query_scalar!(r#"SELECT now() AS "now!""#).fetch_one(&mut *connection).await?;
    let agents = dispatch::list_agents(connection, kinds).await?;
    let locks = host_locks::list(connection).await?;
    Ok(tasks
        .into_iter()
        .filter_map(|task| match place(&task.wanted, &agents, &locks, now) {
            _ if kinds.get(&task.wanted.agent_type).is_none() => {
                Some((task.task_id, Wait::new(What::Agent, unknown_kind::wait(kinds, &task.wanted.agent_type))))
            }
            Placement::Fit { .. } => None,
            Placement::Wait { why, .. } => Some((task.task_id, advised(why, task.request_id))),
        })
        .collect())
}

/// The time stays: what it waits for is the same, or a moment old.
fn say(waiting_for: &mut WaitingFor, why: &Wait) {
    *waiting_for = why.clone().since(waiting_for.since);
}

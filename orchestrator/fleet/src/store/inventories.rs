//! What agents' inventories say: each is read once for what it holds, because one may name thousands of hosts and each plan asks for all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use chiffon_kernel::store::Error;
use chiffon_kernel::store::stored_json::read_json;
use chiffon_plans::domain::fleet::Fleet;
use chiffon_protocol::ErrorCode;
use serde_json::Value;
use sqlx::PgConnection;

/// The hosts that an agent knows.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Of what it was read.
    digest: String,
    /// By group.
    groups: BTreeMap<String, BTreeSet<String>>,
    /// All of them.
    pub hosts: Arc<BTreeSet<String>>,
}

/// By agent, as each was read last.
static READ: LazyLock<Mutex<HashMap<String, Arc<Inventory>>>> = LazyLock::new(Mutex::default);
/// Of more agents none are kept.
const MOST_KEPT: usize = 8_192;
/// All of them as they were put together last.
static TOGETHER: LazyLock<Mutex<Together>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Together {
    of: Vec<(String, String)>,
    fleet: Arc<Fleet>,
}

/// The inventories of these agents, whose hosts have these digests (SHA-256 of their text); in the same order.
pub async fn of(connection: &mut PgConnection, asked: &[(&str, &str)]) -> Result<Vec<Arc<Inventory>>, Error> {
    let mut found: HashMap<String, Arc<Inventory>> = {
        let known = READ.lock().unwrap_or_else(PoisonError::into_inner);
        let current = |(id, digest): &(&str, &str)| known.get(*id).filter(|inventory| inventory.digest == *digest).map(Arc::clone);
        asked.iter().filter_map(|agent| Some((agent.0.to_owned(), current(agent)?))).collect()
    };
    let missing: Vec<String> = asked.iter().filter(|(id, _)| !found.contains_key(*id)).map(|(id, _)| (*id).to_owned()).collect();
    if !missing.is_empty() {
        let rows = sqlx::query!(
            r#"SELECT id, hosts, encode(sha256(convert_to(hosts::text, 'UTF8')), 'hex') AS "digest!" FROM agents WHERE id = ANY ($1)"#,
            &missing
        )
        .fetch_all(connection)
        .await?;
        let mut known = READ.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > MOST_KEPT {
            known.clear();
        }
        for row in rows {
            let groups = groups_of(&row.id, &row.hosts);
            let hosts = Arc::new(groups.values().flatten().cloned().collect());
            let inventory = Arc::new(Inventory { digest: row.digest, groups, hosts });
            found.insert(row.id.clone(), Arc::clone(&inventory));
            known.insert(row.id, inventory);
        }
    }
    Ok(asked.iter().map(|(id, _)| found.get(*id).map(Arc::clone).unwrap_or_default()).collect())
}

/// What all of these agents know together.
pub fn together(agents: impl IntoIterator<Item = (String, Arc<Inventory>)>) -> Arc<Fleet> {
    let mut agents: Vec<(String, Arc<Inventory>)> = agents.into_iter().collect();
    agents.sort_by(|(one, _), (other, _)| one.cmp(other));
    let of: Vec<(String, String)> = agents.iter().map(|(id, inventory)| (id.clone(), inventory.digest.clone())).collect();
    let mut last = TOGETHER.lock().unwrap_or_else(PoisonError::into_inner);
    if last.of != of {
        let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (group, members) in agents.iter().flat_map(|(_, inventory)| &inventory.groups) {
            groups.entry(group.clone()).or_default().extend(members.iter().cloned());
        }
        *last = Together { of, fleet: Arc::new(Fleet::new(groups)) };
    }
    Arc::clone(&last.fleet)
}

/// The hosts that an agent knows, by group. One whose hosts can't be read knows none: nothing is planned for it, and others are not held up.
fn groups_of(agent_id: &str, hosts: &Value) -> BTreeMap<String, BTreeSet<String>> {
    read_json("agents", "hosts", &agent_id, hosts).unwrap_or_else(|error: Error| {
        tracing::error!(code = ErrorCode::StoredDataUnreadable.number(), %error, "nothing is planned for an agent's hosts");
        BTreeMap::new()
    })
}

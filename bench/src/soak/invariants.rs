//! What must hold whatever happens: at once where two could do one thing, after a while of calm where something has to come
//! right by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, watch};

use crate::database;
use crate::faults::Weather;
use crate::load::Load;
use crate::runs::Runs;
use crate::world::World;

/// Something that may be wrong for a while; each row of the statement names one thing that is.
struct Check {
    rule: &'static str,
    calm: Duration,
    statement: &'static str,
}

const CHECKS: [Check; 9] = [
    Check {
        rule: "no claimed attempt without a live lease",
        calm: Duration::from_mins(1),
        statement: "SELECT t.id || '.' || a.attempt FROM tasks t JOIN task_attempts a ON a.task_id = t.id AND a.attempt = t.attempt
            WHERE t.status = 'running' AND a.lease_expires_at < now()",
    },
    Check {
        rule: "no dispatched task past its claim's time",
        calm: Duration::from_secs(45),
        statement: "SELECT id || ' ' || offer FROM tasks WHERE status = 'dispatched' AND claim_by < now()",
    },
    Check {
        rule: "no task past its deadline",
        calm: Duration::from_mins(1),
        statement: "SELECT id || ' ' || status FROM tasks
            WHERE status IN ('pending', 'waiting', 'dispatched', 'running') AND deadline_at < now()",
    },
    Check {
        rule: "no request past its deadline",
        calm: Duration::from_mins(1),
        statement: "SELECT id || ' ' || status FROM requests WHERE finished_at IS NULL AND deadline_at < now()",
    },
    Check {
        rule: "no host held without a task at work",
        calm: Duration::from_secs(45),
        statement: "SELECT h.host || ' ' || t.id || ' ' || t.status FROM host_locks h JOIN tasks t ON t.id = h.task_id
            WHERE h.kept_at IS NULL AND t.status NOT IN ('dispatched', 'running', 'unknown')",
    },
    Check {
        rule: "no outbox row older than a minute",
        calm: Duration::from_mins(1),
        statement: "SELECT id || ' ' || routing_key FROM outbox WHERE created_at < now() - interval '1 minute'",
    },
    Check {
        rule: "no commit owed for longer than a minute",
        calm: Duration::from_mins(1),
        statement: "SELECT id::text FROM git_outbox WHERE settled_at IS NULL AND at < now() - interval '1 minute'",
    },
    Check {
        rule: "no running request with nothing to run",
        calm: Duration::from_secs(45),
        statement: "SELECT r.id::text FROM requests r WHERE r.status = 'running' AND NOT EXISTS (SELECT FROM tasks t
            WHERE t.request_id = r.id AND t.status IN ('pending', 'waiting', 'dispatched', 'running'))",
    },
    Check {
        rule: "nothing asked once is there twice",
        calm: Duration::ZERO,
        statement: "SELECT conversation_id::text FROM requests GROUP BY conversation_id HAVING count(*) > 1",
    },
];

/// Completed without a person's word, though the host shows no end, or the attempt is not known to have succeeded.
const COMPLETED: &str = "SELECT t.id || '.' || t.attempt || ' ' || coalesce(a.outcome, 'none')
    FROM tasks t LEFT JOIN task_attempts a ON a.task_id = t.id AND a.attempt = t.attempt
    WHERE t.status = 'completed' AND t.purpose = 'apply' AND t.risk <> 'read_only'";
const APPROVED: &str = "SELECT t.id FROM tasks t JOIN plans p ON p.id = t.plan_id WHERE p.approved_at IS NOT NULL";
const REPEATABLE: &str = "SELECT id FROM tasks WHERE repeatable = 'yes'";
const OPEN: &str = "SELECT id || ' ' || status || ' ' || coalesce(waiting_for ->> 'text', '') FROM requests WHERE finished_at IS NULL
    UNION ALL SELECT id || ' ' || status || ' ' || coalesce(waiting_for ->> 'text', '') FROM tasks
    WHERE status IN ('pending', 'waiting', 'dispatched', 'running', 'unknown')";

/// The watch over all of it.
#[derive(Debug)]
pub struct Invariants {
    world: Arc<World>,
    load: Arc<Load>,
    weather: watch::Receiver<Weather>,
    wrong_since: Mutex<BTreeMap<(&'static str, String), Instant>>,
    /// What was found, each once: the rule and the thing.
    pub violations: Mutex<BTreeSet<(String, String)>>,
    /// How often all of it was looked at, and how often the database did not answer.
    pub looks: Mutex<(u32, u32)>,
}

impl Invariants {
    /// A watch that has seen nothing yet.
    pub fn new(world: Arc<World>, load: Arc<Load>, weather: watch::Receiver<Weather>) -> Self {
        Self { world, load, weather, wrong_since: Mutex::default(), violations: Mutex::default(), looks: Mutex::default() }
    }

    /// Looks at everything once.
    pub async fn look(&self) {
        self.look_at_hosts().await;
        let mut answered = true;
        for check in &CHECKS {
            match database::rows(&self.world.database_url, check.statement).await {
                Ok(rows) => self.judge(check, rows).await,
                Err(_) => answered = false,
            }
        }
        let mut looks = self.looks.lock().await;
        looks.0 += 1;
        looks.1 += u32::from(!answered);
    }

    /// A thing counts as wrong once it has been so for the check's whole time without any fault.
    async fn judge(&self, check: &Check, rows: Vec<String>) {
        let now = Instant::now();
        let mut wrong_since = self.wrong_since.lock().await;
        wrong_since.retain(|(rule, thing), _| *rule != check.rule || rows.contains(thing));
        for thing in rows {
            let since = *wrong_since.entry((check.rule, thing.clone())).or_insert(now);
            let long_enough = match *self.weather.borrow() {
                Weather::CalmSince(calm) => now.saturating_duration_since(since.max(calm)) >= check.calm,
                Weather::Storm => check.calm.is_zero(),
            };
            if long_enough {
                self.violated(check.rule, thing).await;
            }
        }
    }

    async fn look_at_hosts(&self) {
        let runs = Runs::read(self.world.home.path());
        for (attempt, times) in runs.began.iter().filter(|(_, times)| **times > 1) {
            self.violated("an attempt is executed at most once", format!("{attempt} began {times} times")).await;
        }
        for attempt in &runs.overlapped {
            self.violated("one change per host at a time", attempt.clone()).await;
        }
        for line in &runs.unreadable {
            self.violated("lines of runs can be read", line.clone()).await;
        }
        let Ok(repeatable) = database::rows(&self.world.database_url, REPEATABLE).await else { return };
        let repeatable: BTreeSet<String> = repeatable.into_iter().collect();
        let retries = self.load.told.lock().await.retries.clone();
        for (task, times) in runs.attempts_by_task() {
            let allowed = 1 + retries.get(task).copied().unwrap_or_default();
            if times > allowed && !repeatable.contains(task) {
                let thing = format!("{task} began in {times} attempts, {allowed} allowed");
                self.violated("what is not repeatable runs once without a person's word", thing).await;
            }
        }
    }

    /// What must be true once everything has settled.
    pub async fn look_at_the_end(&self) -> anyhow::Result<()> {
        self.look().await;
        let url = &self.world.database_url;
        let runs = Runs::read(self.world.home.path());
        for row in database::rows(url, COMPLETED).await? {
            let (attempt, outcome) = row.split_once(' ').unwrap_or((&row, ""));
            if outcome != "succeeded" || !runs.ended.contains(attempt) {
                self.violated("what is completed has run to its end", row.clone()).await;
            }
        }
        let approved: BTreeSet<String> = database::rows(url, APPROVED).await?.into_iter().collect();
        for task in runs.attempts_by_task().keys().filter(|task| !approved.contains(**task)) {
            self.violated("nothing runs that was not approved", (*task).to_owned()).await;
        }
        for row in database::rows(url, OPEN).await? {
            self.violated("everything settles once faults stop", row).await;
        }
        let (status, verified) = self.world.client.get("/audit/verify").await?;
        if status != 200 || verified["ok"] != true {
            self.violated("the audit log is whole", verified.to_string()).await;
        }
        Ok(())
    }

    /// What is not settled yet.
    pub async fn open(&self) -> anyhow::Result<Vec<String>> {
        database::rows(&self.world.database_url, OPEN).await
    }

    /// Notes a violation.
    pub async fn violated(&self, rule: &str, thing: String) {
        if self.violations.lock().await.insert((rule.to_owned(), thing.clone())) {
            eprintln!("soak: violated: {rule}: {thing}");
        }
    }
}

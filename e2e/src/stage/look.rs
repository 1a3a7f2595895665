//! Looking at a stage from outside: its hosts, its journal, its records; and waiting for what is to be seen there.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::{AGENT, Stage, walk};
use crate::api::eventually;

/// What a host tells about walks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// The attempts that began, `TASK.NUMBER`, in their order.
    pub began: Vec<String>,
    /// The attempts that ended.
    pub ended: Vec<String>,
}

impl Stage {
    /// A host that nothing has walked over.
    ///
    /// # Panics
    /// When there is none left.
    pub fn new_host(&mut self) -> String {
        self.hosts += 1;
        assert!(self.hosts < walk::HOSTS, "the stage has hosts for {} walks", walk::HOSTS);
        let host = walk::name(self.hosts);
        self.model.plan_for(&host);
        host
    }

    /// A file on a host.
    pub fn on_host(&self, host: &str, file: &str) -> PathBuf {
        walk::root(self.home.path(), host).join(file)
    }

    /// Walks on this host wait in their middle, from now on or no more.
    pub fn hold_walk(&self, host: &str, is_held: bool) {
        set(&self.on_host(host, "hold"), is_held);
    }

    /// Ansible itself waits before it does anything.
    pub fn hold_ansible(&self, is_held: bool) {
        set(&self.home.path().join("hold-ansible"), is_held);
    }

    /// What the host tells.
    pub fn lines(&self, host: &str) -> Lines {
        let text = fs::read_to_string(self.on_host(host, "lines")).unwrap_or_default();
        let of = |word: &str| {
            let attempts = text.lines().filter_map(|line| line.strip_prefix(word)).filter_map(|line| line.rsplit_once('/'));
            attempts.map(|(_, attempt)| attempt.to_owned()).collect()
        };
        Lines { began: of("began "), ended: of("ended ") }
    }

    /// Waits until a walk on the host has begun.
    pub async fn has_begun(&self, host: &str) {
        eventually(&format!("a walk on {host} has begun"), || async {
            let lines = self.lines(host);
            if lines.began.is_empty() { Err(format!("{lines:?}")) } else { Ok(()) }
        })
        .await;
    }

    /// The states of the attempts in the agent's journal.
    pub fn journal(&self) -> Vec<String> {
        let attempts = chiffon_worker::journalled(&self.agent_data_dir()).unwrap_or_default();
        attempts.into_iter().map(|(_, _, state)| state.as_str().to_owned()).collect()
    }

    /// Waits until the journal holds exactly attempts in these states.
    pub async fn journal_is(&self, wanted: &[&str]) {
        eventually(&format!("the journal holds {wanted:?}"), || async {
            let states = self.journal();
            if states == wanted { Ok(()) } else { Err(format!("{states:?}")) }
        })
        .await;
    }

    /// The rows of a statement with one column of text, asked from the database itself.
    pub async fn rows(&self, statement: &str) -> Result<Vec<String>, String> {
        let statement = sqlx::query_scalar(sqlx::AssertSqlSafe(statement.to_owned())).fetch_all(&self.pool);
        let answer = tokio::time::timeout(Duration::from_secs(10), statement).await;
        answer.map_err(|_| "the database does not answer".to_owned())?.map_err(|error| error.to_string())
    }

    /// Waits until a statement has rows.
    pub async fn until_some(&self, what: &str, statement: &str) -> Vec<String> {
        eventually(what, || async {
            let rows = self.rows(statement).await?;
            if rows.is_empty() { Err("no row".to_owned()) } else { Ok(rows) }
        })
        .await
    }

    /// Waits until a statement has no rows.
    pub async fn until_none(&self, what: &str, statement: &str) {
        eventually(what, || async {
            let rows = self.rows(statement).await?;
            if rows.is_empty() { Ok(()) } else { Err(format!("{rows:?}")) }
        })
        .await;
    }

    /// Waits until the orchestrator has heard of the agent lately.
    pub async fn agent_is_alive(&self) {
        let statement = format!("SELECT id FROM agents WHERE id = '{AGENT}' AND lease_expires_at > now() + interval '2 seconds'");
        self.until_some("the agent is alive", &statement).await;
    }

    /// The answer of the API, if there is one within some seconds.
    pub async fn answer(&self, path: &str) -> Result<(u16, Value), String> {
        self.api().try_get(path).await
    }

    /// The request, asked until there is an answer.
    pub async fn request(&self, id: &str) -> Value {
        eventually("the API answers", || async {
            match self.answer(&format!("/request/{id}")).await? {
                (200, request) => Ok(request),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    /// The request, once it has one of these statuses.
    pub async fn request_when(&self, id: &str, wanted: &[&str]) -> Value {
        eventually(&format!("request {id} is one of {wanted:?}"), || async {
            match self.answer(&format!("/request/{id}")).await? {
                (200, request) if wanted.iter().any(|word| request["status"] == *word) => Ok(request),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    /// Asks for a walk on the host, and waits for the plan; the request.
    pub async fn ask(&self, host: &str) -> Value {
        let id = self.api().ask(&format!("walk on {host}")).await;
        self.request_when(&id, &["awaiting_approval", "needs_input", "failed"]).await
    }

    /// Asks for a walk on the host and approves it; the request's id.
    pub async fn ask_and_approve(&self, host: &str) -> String {
        let planned = self.ask(host).await;
        self.approve(&planned).await;
        planned["request_id"].as_str().expect("an id").to_owned()
    }

    /// Approves a plan.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn approve(&self, planned: &Value) {
        let (status, answer) = self.api().approve(planned).await;
        assert_eq!(status, 200, "{answer:#}\n{planned:#}");
    }
}

fn set(file: &std::path::Path, is_there: bool) {
    if is_there {
        fs::write(file, "").expect("written");
    } else {
        fs::remove_file(file).ok();
    }
}

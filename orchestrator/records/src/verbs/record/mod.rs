//! What a finished task leaves in the audit repository: one commit with its story and the intent it applied.
//!
//! The row is added in the transaction that ends the task. What it tells is rendered once, when the log is whole (or has
//! had its time to arrive), and never changes after that, so that the commit is the same however often it is made.

mod files;

use std::collections::BTreeMap;

use chiffon_kernel::store::{self, audit};
use chiffon_kernel::verbs::Context;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::{Shown, canonical};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::audit_repo::{CommitPlan, message};
use crate::store::git_outbox::{self, Open};
use crate::store::host_outcomes::{self, HostOutcome};
use crate::store::stories::{self, LogLine, RequestStory, TaskStory};

/// How long a record waits for log lines that its result has overtaken.
const LOG_PATIENCE: TimeDelta = TimeDelta::seconds(10);
/// More lines stay in Postgres only; the file says so.
const LOG_LINES: i64 = 5_000;
/// So many lines are read for one batch of records, unless one alone has more.
const LINES_TOGETHER: i64 = 10_000;
/// Longer words are cut in the message; the files have them whole.
const SUBJECT_CHARS: usize = 300;
const BODY_CHARS: usize = 20_000;
const TRAILER_CHARS: usize = 2_000;

/// The trailer with the head of the request's audit chain.
pub const AUDIT_HEAD: &str = "Audit-Head";
/// The trailer with the number and the hash of the system chain's head: the repository vouches for that chain, too.
pub const SYSTEM_HEAD: &str = "Audit-System";

/// What is committed for a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// The subject line.
    pub subject: String,
    /// Between subject and trailers.
    pub body: String,
    /// In order.
    pub trailers: Vec<(String, String)>,
    /// Path to new content; null removes the file.
    pub files: BTreeMap<String, Option<String>>,
}

/// Adds the records of tasks that have just ended.
pub async fn tasks_finished(context: &Context, work: &mut Work, task_ids: &[Uuid]) -> Result<(), store::Error> {
    let records: Vec<(Uuid, Uuid)> = task_ids.iter().map(|task_id| (context.ids.new_id(), *task_id)).collect();
    let now = work.now();
    git_outbox::add(work, &records, now).await?;
    work.wake_scribe();
    Ok(())
}

/// What records are rendered from, as it stood at one moment.
#[derive(Debug, Default)]
pub struct Stories {
    tasks: BTreeMap<Uuid, TaskStory>,
    requests: BTreeMap<Uuid, RequestStory>,
    logs: BTreeMap<Uuid, Vec<LogLine>>,
    hosts: BTreeMap<Uuid, Vec<HostOutcome>>,
    system: (i64, Option<Vec<u8>>),
}

impl Stories {
    /// Those of the records that have not been rendered yet, as far as the first whose log is still arriving: what comes later waits for
    /// it. And no further than there is room for their logs; the next read goes on there.
    pub async fn read(connection: &mut PgConnection, records: &[Open], now: DateTime<Utc>) -> Result<Self, store::Error> {
        let records: Vec<(Uuid, &Open)> = records.iter().filter_map(|record| Some((record.unrendered()?, record))).collect();
        if records.is_empty() {
            return Ok(Self::default());
        }
        let all: Vec<Uuid> = records.iter().map(|(task_id, _)| *task_id).collect();
        let tasks = stories::of_tasks(connection, &all).await?;
        let tasks: BTreeMap<Uuid, TaskStory> = tasks.into_iter().map(|task| (task.task_id, task)).collect();
        let (mut attempts, mut lines) = (BTreeMap::new(), 0);
        for (task_id, record) in records {
            let task = tasks.get(&task_id).ok_or(sqlx::Error::RowNotFound)?;
            if !task.log_is_whole() && now < record.at + LOG_PATIENCE {
                break;
            }
            lines += task.stored_seq.unwrap_or(0).min(LOG_LINES);
            if lines > LINES_TOGETHER && !attempts.is_empty() {
                break;
            }
            attempts.insert(task_id, task.attempt);
        }
        let (attempts, ids): (Vec<(Uuid, i32)>, Vec<Uuid>) = attempts.into_iter().map(|(id, attempt)| ((id, attempt), id)).unzip();
        let requests = stories::of_requests(connection, &ids).await?;
        Ok(Self {
            tasks,
            requests: requests.into_iter().map(|request| (request.task_id, request)).collect(),
            logs: stories::log_lines(connection, &attempts, LOG_LINES).await?,
            hosts: host_outcomes::list_of(connection, &ids).await?,
            system: audit::system_head(connection).await?,
        })
    }

    /// What a record tells; `None` where these stories do not go so far.
    pub fn render(&self, record: &Open) -> Option<Payload> {
        let task_id = record.task_id?;
        let (task, request) = (self.tasks.get(&task_id)?, self.requests.get(&task_id)?);
        let hosts = self.hosts.get(&task_id).map_or(&[][..], Vec::as_slice);
        let log = self.logs.get(&task_id).map_or(&[][..], Vec::as_slice);
        Some(Payload {
            subject: one_line(&format!("infra({task_id}): {}", subject_words(task)), SUBJECT_CHARS),
            body: Shown::block(&body(task, request, hosts)).at_most(BODY_CHARS).to_string(),
            trailers: trailers(record, task, request, &self.system),
            files: files::files(record, task, request, hosts, log),
        })
    }
}

/// Somebody else's words as people may be shown them in `git log`: what would act there instead of being seen is written out.
fn one_line(text: &str, most_chars: usize) -> String {
    Shown::line(&text.split_whitespace().collect::<Vec<_>>().join(" ")).at_most(most_chars).to_string()
}

/// The commit of a rendered record; `None` for what is no record.
pub fn commit_plan(payload: &Value, author: &str, at: DateTime<Utc>) -> Option<CommitPlan> {
    let payload: Payload = serde_json::from_value(payload.clone()).ok()?;
    Some(CommitPlan {
        message: message(&payload.subject, &payload.body, &payload.trailers),
        author: author.to_owned(),
        at,
        files: payload.files,
    })
}

fn subject_words(task: &TaskStory) -> String {
    match task.status.as_str() {
        _ if task.is_dry => format!("{} (changed something in its preview)", task.title),
        "completed" => task.title.clone(),
        status => format!("{} ({status})", task.title),
    }
}

fn body(task: &TaskStory, request: &RequestStory, hosts: &[HostOutcome]) -> String {
    let mut body = format!("Asked: {}\n", words(&request.text));
    // The first words are what was asked; each further turn of a person changed or answered something.
    let said = request.messages.as_array().into_iter().flatten().filter(|message| message["from"] == "user").skip(1);
    for message in said {
        let by = message["by"].as_str().unwrap_or("somebody");
        body += &format!("Then {by}: {}\n", words(message["text"].as_str().unwrap_or_default()));
    }
    if let Some(message) = task.error.as_ref().and_then(|error| error["message"].as_str()) {
        body += &format!("Error: {}\n", words(message));
    }
    if task.is_dry {
        body += "This was a dry run. Check mode is off for a task of it, which ran for real, and nobody had approved it.\n";
    }
    // One host needs no list: the outcome is its own.
    if hosts.len() > 1 || task.status != "completed" || task.is_dry {
        for host in hosts {
            let changed = match (host.changed, host.status.as_str()) {
                (true, _) => "changed",
                // What was under way there may have changed something without a word.
                (false, "unfinished") => "no change seen",
                (false, _) => "not changed",
            };
            body += &format!("Host: {}: {}, {changed}\n", host.host, host.status);
        }
    }
    for warning in task.warnings.as_array().into_iter().flatten().filter_map(Value::as_str) {
        body += &format!("Warning: {}\n", words(warning));
    }
    body
}

/// In one line: a line break in a text from outside would begin a line of its own, which could look like a trailer.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn trailers(
    record: &Open,
    task: &TaskStory,
    request: &RequestStory,
    (system_seq, system_head): &(i64, Option<Vec<u8>>),
) -> Vec<(String, String)> {
    let approvers: Vec<&str> = approving(request).collect();
    let approved_by = if task.is_dry {
        "nobody".to_owned()
    } else if approvers.is_empty() {
        "policy".to_owned()
    } else {
        approvers.join(", ")
    };
    let pairs = [
        ("Request-Id", record.request_id.to_string()),
        ("Task-Id", task.task_id.to_string()),
        ("Requested-By", request.requested_by.clone()),
        ("Approved-By", approved_by),
        ("Agent", task.agent_id.clone().unwrap_or_else(|| "none".to_owned())),
        ("Outcome", task.status.clone()),
        ("Duration", format!("{:.1}s", task.duration_seconds.unwrap_or(0.0))),
        ("Cost", format!("{} USD", request.cost)),
        ("Trace-Id", request.trace_id.clone()),
        (AUDIT_HEAD, request.audit_head.as_deref().map(canonical::hex).unwrap_or_default()),
        (SYSTEM_HEAD, system_head.as_deref().map_or_else(String::new, |head| format!("{system_seq} {}", canonical::hex(head)))),
        ("Record-Id", record.id.to_string()),
    ];
    let unverified = (!task.verified).then(|| ("Verified", "no".to_owned()));
    pairs.into_iter().chain(unverified).map(|(key, value)| (key.to_owned(), one_line(&value, TRAILER_CHARS))).collect()
}

fn approving(request: &RequestStory) -> impl Iterator<Item = &str> {
    request
        .approvals
        .as_array()
        .into_iter()
        .flatten()
        .filter(|approval| approval["decision"] == "approve")
        .filter_map(|approval| approval["by"].as_str())
}

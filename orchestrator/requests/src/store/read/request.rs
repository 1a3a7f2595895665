//! Everything about one request, in the shape that clients rely on (CONTRACT 4), from a fixed number of statements.

use chiffon_engine::domain::fresh_preview::FreshPreview;
use chiffon_engine::domain::task::Status;
use chiffon_engine::store::read::reserved::{self, ReservedHost};
use chiffon_engine::store::read::tasks::{self, TaskView};
use chiffon_engine::store::read::waits;
use chiffon_kernel::domain::waiting::WaitingFor;
use chiffon_kernel::store::Error;
use chiffon_kernel::store::read::snapshot;
use chiffon_plans::domain::plan::{Phase, PlanDocument, Step};
use chiffon_plans::domain::plan_state::State;
use chiffon_protocol::kind::Kinds;
use chiffon_protocol::money::MicroDollars;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::asked_action::AskedAction;
use crate::domain::origin::Origin;
use crate::store::plans::read_state;

/// A request with its plan, tasks and conversation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RequestView {
    /// Its id.
    pub request_id: Uuid,
    /// `planning | needs_input | discovering | previewing | awaiting_approval | running | needs_attention | paused | completed | failed | cancelled | rejected | expired`
    pub status: String,
    /// The first words; of what was asked without any, what it is called.
    pub text: String,
    /// The action that was asked for without words; null where words asked.
    #[schema(value_type = Option<AskedAction>)]
    pub action: Option<Json<AskedAction>>,
    /// Who asked.
    pub requested_by: String,
    /// What began it.
    pub origin: Origin,
    /// Groups requests of one chat.
    pub conversation_id: Option<Uuid>,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it reached its end.
    pub finished_at: Option<DateTime<Utc>>,
    /// The W3C trace id of all that follows.
    pub trace_id: String,
    /// Higher goes first.
    pub priority: i32,
    /// When the asker has no more use for it.
    pub deadline: Option<DateTime<Utc>>,
    /// The most that it may cost.
    #[schema(value_type = Option<f64>)]
    pub max_cost_usd: Option<MicroDollars>,
    /// `{what, since, text}`; null when it does not wait.
    #[schema(value_type = Option<WaitingFor>)]
    pub waiting_for: Option<Json<WaitingFor>>,
    /// Since when a person holds it: nothing more of it begins, whatever else it waits for.
    pub held_at: Option<DateTime<Utc>>,
    /// Who.
    pub held_by: Option<String>,
    /// `{code, message, details}` of what ended or stopped it.
    pub error: Option<Value>,
    /// The current revision.
    pub plan: Option<PlanView>,
    /// The plan's tasks, discovery and run; previews stand with their steps.
    pub tasks: Vec<TaskView>,
    /// The conversation.
    pub messages: Vec<MessageView>,
    /// Spent on models so far.
    #[schema(value_type = f64)]
    pub cost_usd: MicroDollars,
    /// What it has changed so far, of any plan of it: what ran for real in a preview is in it, too.
    pub changed: Vec<ChangedView>,
    /// Hosts that it keeps from other work, because something that it has started may still run there.
    pub reserved_hosts: Vec<ReservedHost>,
    /// Its commits in the audit repository, oldest first.
    pub commits: Vec<String>,
    /// So many records of it are still to be committed.
    pub commits_to_come: i64,
    /// The number of its newest live event: `Last-Event-ID` for following from here.
    pub last_event_id: i64,
}

/// A plan as people decide about it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PlanView {
    /// The format of its document; in the second, each step has `tool: {uri, sha256}`.
    pub format: u32,
    /// From 1.
    pub revision: i32,
    /// `discovering | previewing | proposed | approved | rejected | superseded | expired | withdrawn | failed`
    #[schema(value_type = String)]
    pub state: State,
    /// What an approval names; null until discovery has frozen its outputs.
    pub sha256: Option<String>,
    /// That of its steps alone, which a standing approval names; null until then.
    pub steps_sha256: Option<String>,
    /// For people.
    pub summary: String,
    /// The highest of its steps.
    pub risk: String,
    /// How long running it should take.
    pub estimated_seconds: f64,
    /// What running it should cost.
    #[schema(value_type = f64)]
    pub estimated_cost_usd: MicroDollars,
    /// `{provider, model}`
    pub planned_by: Value,
    /// Assumptions, words that were not used.
    pub notes: Vec<String>,
    /// `{approvals_needed, self_approval, reasons}`
    pub policy: Value,
    /// What was decided about it.
    pub approvals: Vec<ApprovalView>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it can't be approved any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// When its last needed approval came.
    pub approved_at: Option<DateTime<Utc>>,
    /// In an order in which they could run.
    pub steps: Vec<StepView>,
}

/// A step with its preview.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StepView {
    /// The step as it was planned; its fields stand beside `preview`.
    #[serde(flatten)]
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    pub step: Step,
    /// `{status: done|running|waiting|failed|cancelled|none, coverage, changes, made_at, ...}`; with `after_attempt` and `text` when it
    /// was made again after that attempt of the step was cut off.
    pub preview: Value,
}

/// What a task has changed on a host.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ChangedView {
    /// The host.
    pub host: String,
    /// The task's title.
    pub title: String,
    /// `discover | preview | apply`: a preview's task that ran for real is done as well.
    pub purpose: String,
    /// The names of the Ansible tasks that changed it, where they are known.
    pub changes: Vec<String>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ApprovalView {
    /// Who decided.
    pub by: String,
    /// `approve | reject | revise`
    pub decision: String,
    /// Why.
    pub comment: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// The standing approval by which it came about, without a second word.
    pub standing_approval_id: Option<Uuid>,
    /// The steps that do not run by it; empty where all of the plan was approved.
    pub left_out: Vec<String>,
    /// The link of a notification through which they came to it; null where they were signed in.
    pub approval_link_id: Option<Uuid>,
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MessageView {
    /// When it was said.
    pub at: DateTime<Utc>,
    /// `user | chiffon`
    pub from: String,
    /// Which person.
    pub by: Option<String>,
    /// The words.
    pub text: String,
}

/// The request with this id.
pub async fn get(pool: &PgPool, kinds: &Kinds, request_id: Uuid) -> Result<Option<RequestView>, Error> {
    let mut tx = snapshot(pool).await?;
    let Some((mut view, plan)) = head(&mut tx, request_id).await? else { return Ok(None) };
    view.messages = messages(&mut tx, request_id).await?;
    view.changed = changed(&mut tx, request_id).await?;
    view.reserved_hosts = reserved::list(&mut tx, Some(request_id)).await?;
    view.commits = commits(&mut tx, request_id).await?;
    view.commits_to_come = commits_to_come(&mut tx, request_id).await?;
    if let Some((plan_id, mut plan)) = plan {
        plan.approvals = approvals(&mut tx, plan_id).await?;
        let mut all = tasks::of_plan(&mut tx, plan_id).await?;
        waits::refresh(&mut tx, kinds, &mut all, view.waiting_for.as_deref_mut()).await?;
        let (previews, tasks) = all.into_iter().partition::<Vec<_>, _>(|task| task.purpose == "preview");
        for step in &mut plan.steps {
            step.preview = preview(&step.step, previews.iter().find(|task| task.step_id == step.step.step_id));
        }
        view.plan = Some(plan);
        view.tasks = tasks;
    }
    tx.commit().await?;
    Ok(Some(view))
}

/// Where a request stands, for those who only wait for a change.
pub async fn status(pool: &PgPool, request_id: Uuid) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!("SELECT status FROM requests WHERE id = $1", request_id).fetch_optional(pool).await?)
}

async fn head(connection: &mut PgConnection, request_id: Uuid) -> Result<Option<(RequestView, Option<(Uuid, PlanView)>)>, Error> {
    let row = sqlx::query!(
        r#"SELECT r.id, r.status, r.text, r.action AS "action: Json<AskedAction>", p.name AS requested_by, r.principal_id, r.origin_kind, r.origin_id, r.conversation_id, r.created_at, r.updated_at, r.finished_at,
            r.trace_id, r.priority, r.deadline, r.max_cost_micro_usd, r.waiting_for AS "waiting_for: Json<WaitingFor>", r.held_at, r.held_by, r.error, r.cost_micro_usd, s.event_seq,
            l.id AS "plan_id?", l.revision AS "revision?", l.state AS "state?", l.sha256, l.steps_sha256, l.body AS "body?", l.risk AS "risk?",
            l.created_at AS "planned_at?", l.expires_at, l.approved_at
        FROM requests r
        JOIN streams s ON s.id = r.id
        JOIN principals p ON p.id = r.principal_id
        LEFT JOIN plans l ON l.id = r.plan_id
        WHERE r.id = $1"#,
        request_id,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let plan = match (row.plan_id, row.revision, row.state, row.body, row.risk, row.planned_at) {
        (Some(id), Some(revision), Some(state), Some(body), Some(risk), Some(created_at)) => {
            let document: PlanDocument = serde_json::from_value(body).map_err(|error| Error::BadData {
                table: "plans",
                column: "body",
                id: id.to_string(),
                value: error.to_string(),
            })?;
            let mut plan = plan_view(document);
            plan.revision = revision;
            plan.state = read_state(&state, id)?;
            plan.sha256 = row.sha256;
            plan.steps_sha256 = row.steps_sha256;
            plan.risk = risk;
            plan.created_at = created_at;
            plan.expires_at = row.expires_at;
            plan.approved_at = row.approved_at;
            Some((id, plan))
        }
        _ => None,
    };
    let view = RequestView {
        request_id: row.id,
        status: row.status,
        text: row.text,
        action: row.action,
        requested_by: row.requested_by,
        origin: Origin::stored(row.origin_kind, row.origin_id, row.principal_id),
        conversation_id: row.conversation_id,
        created_at: row.created_at,
        updated_at: row.updated_at,
        finished_at: row.finished_at,
        trace_id: row.trace_id,
        priority: row.priority,
        deadline: row.deadline,
        max_cost_usd: row.max_cost_micro_usd.map(MicroDollars::new),
        waiting_for: row.waiting_for,
        held_at: row.held_at,
        held_by: row.held_by,
        error: row.error,
        plan: None,
        tasks: Vec::new(),
        messages: Vec::new(),
        cost_usd: row.cost_micro_usd.into(),
        changed: Vec::new(),
        reserved_hosts: Vec::new(),
        commits: Vec::new(),
        commits_to_come: 0,
        last_event_id: row.event_seq,
    };
    Ok(Some((view, plan)))
}

/// What stands in the document; what stands in the row is filled in by the caller.
fn plan_view(document: PlanDocument) -> PlanView {
    PlanView {
        format: document.format,
        revision: document.revision,
        state: State::Discovering,
        sha256: None,
        steps_sha256: None,
        risk: document.risk().as_str().to_owned(),
        summary: document.summary,
        estimated_seconds: document.estimated_seconds,
        estimated_cost_usd: document.estimated_cost_usd,
        planned_by: json!(document.planned_by),
        notes: document.notes,
        policy: json!(document.policy),
        approvals: Vec::new(),
        created_at: DateTime::UNIX_EPOCH,
        expires_at: None,
        approved_at: None,
        steps: document.steps.into_iter().map(|step| StepView { step, preview: Value::Null }).collect(),
    }
}

/// What a step's check run says, or why there is none.
fn preview(step: &Step, task: Option<&TaskView>) -> Value {
    let Some(task) = task else {
        let text = match step.phase {
            Phase::Discover => "it changes nothing and runs before approval",
            Phase::Apply => "its action has no check mode, or its preview has not begun",
        };
        return json!({"status": "none", "coverage": null, "changes": [], "text": text});
    };
    let status = match task.status.as_str() {
        "completed" => "done",
        "running" => "running",
        "cancelled" | "skipped" => "cancelled",
        "failed" | "interrupted" | "unknown" => "failed",
        _ => "waiting",
    };
    let mut preview = json!({
        "status": status, "coverage": null, "changes": [], "task_id": task.task_id, "progress": task.progress,
        "waiting_for": task.waiting_for, "warnings": task.warnings, "error": task.error,
    });
    if let (Some(into), Some(Value::Object(found))) = (preview.as_object_mut(), &task.preview) {
        into.extend(found.iter().filter(|(name, _)| *name != "status").map(|(name, value)| (name.clone(), value.clone())));
    }
    preview["made_at"] = json!(task.finished_at);
    if let Some(attempt) = task.checks_attempt {
        preview["after_attempt"] = json!(attempt);
        preview["text"] = json!(fresh(task).sentence());
    }
    preview
}

/// One that was made after the change was cut off.
fn fresh(task: &TaskView) -> FreshPreview<'_> {
    FreshPreview {
        title: &task.title,
        status: Status::from_word(&task.status).unwrap_or(Status::Unknown),
        found: task.preview.as_ref(),
        waiting_for: task.waiting_for.as_deref(),
        error: task.error.as_ref(),
    }
}

async fn changed(connection: &mut PgConnection, request_id: Uuid) -> Result<Vec<ChangedView>, Error> {
    Ok(sqlx::query_as!(
        ChangedView,
        r#"SELECT host AS "host!", title AS "title!", purpose AS "purpose!", COALESCE(changes, '{}') AS "changes!"
        FROM changes_by_host
        WHERE request_id = $1 AND changed
        ORDER BY finished_at, title, host"#,
        request_id,
    )
    .fetch_all(connection)
    .await?)
}

async fn messages(connection: &mut PgConnection, request_id: Uuid) -> Result<Vec<MessageView>, Error> {
    Ok(sqlx::query_as!(
        MessageView,
        r#"SELECT m.at, m.sender AS "from", p.name AS "by?", m.text
        FROM messages m
        LEFT JOIN principals p ON p.id = m.principal_id
        WHERE m.request_id = $1
        ORDER BY m.seq"#,
        request_id,
    )
    .fetch_all(connection)
    .await?)
}

async fn commits(connection: &mut PgConnection, request_id: Uuid) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT commit_id AS "commit_id!"
        FROM git_outbox
        WHERE request_id = $1 AND settled_at IS NOT NULL AND commit_id IS NOT NULL
        ORDER BY at, id"#,
        request_id,
    )
    .fetch_all(connection)
    .await?)
}

async fn commits_to_come(connection: &mut PgConnection, request_id: Uuid) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM git_outbox WHERE request_id = $1 AND settled_at IS NULL"#, request_id)
        .fetch_one(connection)
        .await?)
}

async fn approvals(connection: &mut PgConnection, plan_id: Uuid) -> Result<Vec<ApprovalView>, Error> {
    Ok(sqlx::query_as!(
        ApprovalView,
        r#"SELECT p.name AS "by", a.decision, a.comment, a.at, a.standing_id AS standing_approval_id, a.left_out, a.link_id AS approval_link_id
        FROM approvals a
        JOIN principals p ON p.id = a.principal_id
        WHERE a.plan_id = $1
        ORDER BY a.at, a.id"#,
        plan_id,
    )
    .fetch_all(connection)
    .await?)
}

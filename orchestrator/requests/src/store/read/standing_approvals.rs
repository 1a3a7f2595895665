//! Standing approvals as people look at them: what each covers, since when and until when, and how often it was used.

use chiffon_kernel::store::Error;
use chiffon_plans::domain::plan::PlanDocument;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// A standing approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StandingApproval)]
pub struct StandingView {
    /// Its id.
    pub standing_approval_id: Uuid,
    /// `valid | expired | withdrawn`
    pub state: String,
    /// The hash of the steps that it covers, as `plan.steps_sha256` of a request has it.
    pub steps_sha256: String,
    /// What the plan on which it was given says about itself.
    pub summary: String,
    /// Whose requests it covers: `requester | origin | any`
    pub scope: String,
    /// With the scope `requester`: who has to have asked.
    pub requester: Option<String>,
    /// With the scope `origin`: the kinds of what has to have begun the request.
    pub origin_kinds: Option<Vec<String>>,
    /// Who stands for it.
    pub given_by: String,
    /// Since when.
    pub given_at: DateTime<Utc>,
    /// From then on it counts no more.
    pub expires_at: DateTime<Utc>,
    /// Why.
    pub comment: Option<String>,
    /// The request on whose plan it was given.
    pub request_id: Uuid,
    /// That plan's hash.
    pub plan_sha256: String,
    /// So many plans have run under it.
    pub uses: i64,
    /// When the newest of them began.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Since when nothing begins under it any more.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// Who withdrew it.
    pub withdrawn_by: Option<String>,
    /// Why.
    pub withdrawn_why: Option<String>,
}

/// One of the steps that a standing approval covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CoveredStep {
    /// What it does.
    pub title: String,
    /// Its action.
    pub action: String,
    /// What it may touch.
    pub hosts: Vec<String>,
    /// How much harm it can do.
    pub risk: String,
}

/// Which of them are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter<'f> {
    /// Only this one.
    pub id: Option<Uuid>,
    /// In this state: `valid | expired | withdrawn`.
    pub state: Option<&'f str>,
    /// Older than this one.
    pub before: Option<Uuid>,
}

/// At most `limit` of them at this moment, newest first.
pub async fn list(connection: &mut PgConnection, filter: Filter<'_>, now: DateTime<Utc>, limit: i64) -> Result<Vec<StandingView>, Error> {
    Ok(sqlx::query_as!(
        StandingView,
        r#"SELECT s.id AS standing_approval_id, state.word AS "state!", s.steps_sha256, l.summary, s.scope, r.name AS "requester?", s.origin_kinds,
            p.name AS given_by, s.given_at, s.expires_at, s.comment, s.request_id, s.plan_sha256, used.count AS "uses!",
            used.last AS "last_used_at?", s.withdrawn_at, s.withdrawn_by, s.withdrawn_why
        FROM standing_approvals s
        JOIN plans l ON l.id = s.plan_id
        JOIN principals p ON p.id = s.given_by
        LEFT JOIN principals r ON r.id = s.requester_id
        CROSS JOIN LATERAL (
            SELECT CASE WHEN s.withdrawn_at IS NOT NULL THEN 'withdrawn' WHEN s.expires_at <= $1 THEN 'expired' ELSE 'valid' END AS word
        ) state
        CROSS JOIN LATERAL (SELECT count(*) AS count, max(a.at) AS last FROM approvals a WHERE a.standing_id = s.id) used
        WHERE ($2::uuid IS NULL OR s.id = $2) AND ($3::text IS NULL OR state.word = $3) AND ($4::uuid IS NULL OR s.id < $4)
        ORDER BY s.id DESC
        LIMIT $5"#,
        now,
        filter.id,
        filter.state,
        filter.before,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// The steps that one covers, as the plan on which it was given has them.
pub async fn steps(connection: &mut PgConnection, id: Uuid) -> Result<Vec<CoveredStep>, Error> {
    let plan = sqlx::query!(
        "SELECT l.id, l.body
        FROM standing_approvals s
        JOIN plans l ON l.id = s.plan_id
        WHERE s.id = $1",
        id,
    )
    .fetch_optional(connection)
    .await?;
    let Some(plan) = plan else { return Ok(Vec::new()) };
    let bad =
        |error: serde_json::Error| Error::BadData { table: "plans", column: "body", id: plan.id.to_string(), value: error.to_string() };
    let document: PlanDocument = serde_json::from_value(plan.body).map_err(bad)?;
    let covered = document.steps.into_iter().map(|step| CoveredStep {
        action: step.action().to_owned(),
        title: step.title,
        hosts: step.hosts,
        risk: step.risk.as_str().to_owned(),
    });
    Ok(covered.collect())
}

/// Requests that have not ended and whose plan runs under this one.
pub async fn running_under(connection: &mut PgConnection, id: Uuid) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT r.id
        FROM approvals a
        JOIN plans l ON l.id = a.plan_id
        JOIN requests r ON r.id = l.request_id AND r.plan_id = l.id
        WHERE a.standing_id = $1 AND r.finished_at IS NULL
        ORDER BY r.id",
        id,
    )
    .fetch_all(connection)
    .await?)
}

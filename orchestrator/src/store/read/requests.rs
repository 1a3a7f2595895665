//! The list of requests, newest first, with filters.
//!
//! The statement is put together from the filters that are given, so that each gets the plan of its own index; values
//! are always bound, never written into it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::Error;

/// Which requests.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Any of these states; empty means all.
    pub status: Vec<String>,
    /// Has a task for this host.
    pub host: Option<String>,
    /// Has a task of this action.
    pub action: Option<String>,
    /// Asked by the principal of this name.
    pub who: Option<String>,
    /// Asked at or after this.
    pub since: Option<DateTime<Utc>>,
    /// Has these words in its text.
    pub text: Option<String>,
    /// Came over AMQP by the message with this id.
    pub message_id: Option<Uuid>,
    /// Older than this one (the cursor).
    pub before: Option<Uuid>,
}

/// A request as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema, FromRow)]
pub struct RequestSummary {
    /// Its id.
    pub request_id: Uuid,
    /// Where it stands.
    pub status: String,
    /// The first words, cut to 300 characters.
    pub text: String,
    /// Who asked.
    pub requested_by: String,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it reached its end.
    pub finished_at: Option<DateTime<Utc>>,
    /// `{what, since, text}`; null when it does not wait.
    pub waiting_for: Option<Value>,
    /// Of its current plan.
    pub summary: Option<String>,
    /// Of its current plan.
    pub risk: Option<String>,
    /// `{code, message, details}` of what ended or stopped it.
    pub error: Option<Value>,
    /// Spent on models so far.
    pub cost_usd: f64,
}

/// At most `limit` requests, newest first (their ids are time-ordered).
pub async fn list(pool: &PgPool, filter: &Filter, limit: i64) -> Result<Vec<RequestSummary>, Error> {
    let mut query = QueryBuilder::<Postgres>::new(
        "SELECT r.id AS request_id, r.status, left(r.text, 300) AS text, p.name AS requested_by, r.created_at, r.updated_at,
            r.finished_at, r.waiting_for, l.summary, l.risk, r.error, r.cost_usd
        FROM requests r
        JOIN principals p ON p.id = r.principal_id
        LEFT JOIN plans l ON l.id = r.plan_id
        WHERE true",
    );
    if !filter.status.is_empty() {
        query.push(" AND r.status = ANY (").push_bind(&filter.status).push(")");
    }
    if let Some(host) = &filter.host {
        query.push(" AND r.id IN (SELECT request_id FROM tasks WHERE hosts @> ARRAY[").push_bind(host).push("])");
    }
    if let Some(action) = &filter.action {
        query.push(" AND r.id IN (SELECT request_id FROM tasks WHERE action = ").push_bind(action).push(")");
    }
    if let Some(who) = &filter.who {
        query.push(" AND r.principal_id = (SELECT id FROM principals WHERE name = ").push_bind(who).push(")");
    }
    if let Some(since) = filter.since {
        query.push(" AND r.created_at >= ").push_bind(since);
    }
    if let Some(text) = &filter.text {
        query.push(" AND to_tsvector('simple', r.text) @@ websearch_to_tsquery('simple', ").push_bind(text).push(")");
    }
    if let Some(message_id) = filter.message_id {
        query.push(" AND r.id IN (SELECT request_id FROM request_messages WHERE message_id = ").push_bind(message_id).push(")");
    }
    if let Some(before) = filter.before {
        query.push(" AND r.id < ").push_bind(before);
    }
    query.push(" ORDER BY r.id DESC LIMIT ").push_bind(limit);
    // Planned anew for each words: a plan for any words walks back through all requests in search of a rare one.
    Ok(query.build_query_as().persistent(filter.text.is_none()).fetch_all(pool).await?)
}

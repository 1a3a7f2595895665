//! The list of requests, newest first, with filters.
//!
//! The statement is put together from the filters that are given, so that each gets the plan of its own index; values
//! are always bound, never written into it.

use chiffon_engine::store::read::waits;
use chiffon_kernel::domain::waiting::WaitingFor;
use chiffon_kernel::store::Error;
use chiffon_protocol::kind::Kinds;
use chiffon_protocol::money::MicroDollars;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::origin::{Origin, PERSON};

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
    /// Begun by something of this kind, and where it is given by the one with this id.
    pub origin: Option<(String, Option<String>)>,
    /// Its id begins or ends with this: small hexadecimal digits and hyphens.
    pub id_part: Option<String>,
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
    /// What began it.
    #[sqlx(json)]
    pub origin: Origin,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it reached its end.
    pub finished_at: Option<DateTime<Utc>>,
    /// `{what, since, text}`; null when it does not wait.
    #[schema(value_type = Option<WaitingFor>)]
    pub waiting_for: Option<Json<WaitingFor>>,
    /// Of its current plan.
    pub summary: Option<String>,
    /// Of its current plan.
    pub risk: Option<String>,
    /// `{code, message, details}` of what ended or stopped it.
    pub error: Option<Value>,
    /// Spent on models so far.
    #[sqlx(try_from = "i64")]
    #[schema(value_type = f64)]
    pub cost_usd: MicroDollars,
}

/// How far a list looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Through the newest requests only: what is frequent is found there, walking back.
    Newest,
    /// Through all, by the index of the words or hosts: what is rare is looked up, not walked to.
    All,
}

/// So many count as the newest.
const NEWEST: i64 = 2_000;

/// At most `limit` requests, newest first (their ids are time-ordered).
pub async fn list(pool: &PgPool, kinds: &Kinds, filter: &Filter, limit: i64) -> Result<Vec<RequestSummary>, Error> {
    let who = match &filter.who {
        None => None,
        Some(name) => match sqlx::query_scalar!("SELECT id FROM principals WHERE name = $1", name).fetch_optional(pool).await? {
            None => return Ok(Vec::new()),
            found => found,
        },
    };
    let is_walked_or_looked_up = filter.text.is_some() || filter.host.is_some() || filter.action.is_some();
    let reach = if is_walked_or_looked_up { Reach::Newest } else { Reach::All };
    let mut found = find(pool, filter, who, limit, reach).await?;
    if reach == Reach::Newest && i64::try_from(found.len()).is_ok_and(|found| found < limit) {
        found = find(pool, filter, who, limit, Reach::All).await?;
    }
    let open = found.iter_mut().filter(|request| request.finished_at.is_none());
    waits::refresh_list(pool, kinds, open.filter_map(|request| Some((request.request_id, request.waiting_for.as_deref_mut()?))).collect())
        .await?;
    Ok(found)
}

/// The ids, at most `limit`, that begin or end with this: small hexadecimal digits and hyphens.
pub async fn ids_with(pool: &PgPool, part: &str, limit: i64) -> Result<Vec<Uuid>, Error> {
    let filter = Filter { id_part: Some(part.to_owned()), ..Filter::default() };
    let found = find(pool, &filter, None, limit, Reach::All).await?;
    Ok(found.into_iter().map(|request| request.request_id).collect())
}

async fn find(pool: &PgPool, filter: &Filter, who: Option<Uuid>, limit: i64, reach: Reach) -> Result<Vec<RequestSummary>, Error> {
    let mut query = QueryBuilder::<Postgres>::new(
        "SELECT r.id AS request_id, r.status, left(r.text, 300) AS text, p.name AS requested_by,
            jsonb_build_object('kind', r.origin_kind, 'id', COALESCE(r.origin_id, r.principal_id::text)) AS origin, r.created_at, r.updated_at,
            r.finished_at, r.waiting_for, l.summary, l.risk, r.error, r.cost_micro_usd AS cost_usd
        FROM requests r
        JOIN principals p ON p.id = r.principal_id
        LEFT JOIN plans l ON l.id = r.plan_id
        WHERE true",
    );
    if !filter.status.is_empty() {
        query.push(" AND r.status = ANY (").push_bind(&filter.status).push(")");
    }
    if let Some(host) = &filter.host {
        match reach {
            Reach::Newest => {
                query.push(" AND EXISTS (SELECT FROM tasks t WHERE t.request_id = r.id AND t.hosts @> ARRAY[").push_bind(host).push("])")
            }
            Reach::All => {
                // The index has what has ended; the rest is little.
                query
                    .push(" AND r.id = ANY (ARRAY(SELECT request_id FROM tasks WHERE finished_at IS NOT NULL AND hosts @> ARRAY[")
                    .push_bind(host)
                    .push("] UNION ALL SELECT request_id FROM tasks WHERE finished_at IS NULL AND hosts @> ARRAY[")
                    .push_bind(host)
                    .push("]))")
            }
        };
    }
    if let Some(action) = &filter.action {
        match reach {
            Reach::Newest => {
                query.push(" AND EXISTS (SELECT FROM tasks t WHERE t.request_id = r.id AND t.action = ").push_bind(action).push(")")
            }
            Reach::All => query.push(" AND r.id = ANY (ARRAY(SELECT request_id FROM tasks WHERE action = ").push_bind(action).push("))"),
        };
    }
    if let Some(who) = who {
        query.push(" AND r.principal_id = ").push_bind(who);
    }
    if let Some((kind, id)) = &filter.origin {
        query.push(" AND r.origin_kind = ").push_bind(kind);
        if let Some(id) = id {
            query.push(if kind == PERSON { " AND r.principal_id::text = " } else { " AND r.origin_id = " }).push_bind(id);
        }
    }
    if let Some(since) = filter.since {
        query.push(" AND r.created_at >= ").push_bind(since);
    }
    if let Some(text) = &filter.text {
        match reach {
            Reach::Newest => query.push(" AND to_tsvector('simple', r.text) @@ websearch_to_tsquery('simple', ").push_bind(text).push(")"),
            Reach::All => query
                .push(" AND r.id = ANY (ARRAY(SELECT id FROM requests WHERE finished_at IS NOT NULL AND to_tsvector('simple', text) @@ websearch_to_tsquery('simple', ")
                .push_bind(text)
                .push(") UNION ALL SELECT id FROM requests WHERE finished_at IS NULL AND to_tsvector('simple', text) @@ websearch_to_tsquery('simple', ")
                .push_bind(text)
                .push(")))"),
        };
    }
    if let Some(message_id) = filter.message_id {
        query.push(" AND r.id IN (SELECT request_id FROM request_messages WHERE message_id = ").push_bind(message_id).push(")");
    }
    if let Some(part) = &filter.id_part {
        // Each half has an index of its own: the key, and the ids from their end.
        query.push(" AND (reverse(r.id::text) LIKE ").push_bind(part.chars().rev().collect::<String>() + "%");
        if let Some((first, last)) = ids_beginning_with(part) {
            query.push(" OR r.id BETWEEN ").push_bind(first).push(" AND ").push_bind(last);
        }
        query.push(")");
    }
    if let Some(before) = filter.before {
        query.push(" AND r.id < ").push_bind(before);
    }
    if reach == Reach::Newest {
        query.push(" AND r.id >= (SELECT id FROM (SELECT id FROM requests WHERE ");
        match filter.before {
            Some(before) => query.push("id < ").push_bind(before),
            None => query.push("true"),
        };
        query.push(" ORDER BY id DESC LIMIT ").push_bind(NEWEST).push(") newest ORDER BY id LIMIT 1)");
    }
    query.push(" ORDER BY r.id DESC LIMIT ").push_bind(limit);
    // Planned anew for each words, hosts and people: a plan for any walks back through all requests in search of a rare one.
    let is_for_any = filter.text.is_none()
        && filter.id_part.is_none()
        && filter.host.is_none()
        && filter.action.is_none()
        && filter.origin.is_none()
        && who.is_none();
    Ok(query.build_query_as().persistent(is_for_any).fetch_all(pool).await?)
}

/// The first and the last id that begin like this; `None` where none does.
fn ids_beginning_with(part: &str) -> Option<(Uuid, Uuid)> {
    let filled = |with: &str| Uuid::try_parse(&format!("{part}{}", with.get(part.len()..)?)).ok();
    Some((filled("00000000-0000-0000-0000-000000000000")?, filled("ffffffff-ffff-ffff-ffff-ffffffffffff")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_begin_alike_stand_between_two() {
        let between = |part: &str| ids_beginning_with(part).map(|(first, last)| (first.to_string(), last.to_string()));
        let (first, last) = between("01a1fc30-2").expect("ids begin so");
        assert_eq!(first, "01a1fc30-2000-0000-0000-000000000000");
        assert_eq!(last, "01a1fc30-2fff-ffff-ffff-ffffffffffff");
        assert_eq!(between("01a1fc302"), None, "a hyphen is missing");
        assert_eq!(between("bbc6173fd"), None);
        assert!(between("bc6173fd").is_some(), "it may also be the first part");
    }
}

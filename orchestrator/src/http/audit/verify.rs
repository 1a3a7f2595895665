//! `GET /audit/verify`: computes a chain's hashes again and says where it was broken, if it was.

use axum::Json;
use axum::extract::State;
use chiffon_protocol::{ErrorCode, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{Head, head};
use crate::domain::audit::row_hash;
use crate::http::input::Params;
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::read::audit::{self, AuditRow};

const BATCH: i64 = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct VerifyQuery {
    /// A request's id, or `system`; all chains when none is named.
    chain: Option<String>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Verified {
    /// Whether every row is as it was written, and none is missing.
    ok: bool,
    /// Chains that were found whole.
    chains: u64,
    /// Rows that are as they were written.
    rows: i64,
    /// `{code, message, details}` of the first break; null when there is none.
    #[schema(value_type = Option<Object>)]
    problem: Option<Value>,
}

/// Checks one chain of the audit log, or all of it.
#[utoipa::path(get, path = "/audit/verify", tag = "audit", params(VerifyQuery), responses((status = 200, body = Verified)))]
pub(in crate::http) async fn verify(State(state): State<HttpState>, Params(query): Params<VerifyQuery>) -> Result<Json<Verified>, Failure> {
    let mut found = Verified { ok: true, chains: 0, rows: 0, problem: None };
    if query.chain.is_some() {
        let head = head(&state, query.chain).await?;
        one(&state, &head, &mut found).await?;
        return Ok(Json(found));
    }
    one(&state, &head(&state, None).await?, &mut found).await?;
    let mut after = None;
    while found.ok {
        let heads = audit::heads(state.pool(), after, BATCH).await?;
        let Some(last) = heads.last() else { break };
        after = Some(last.0);
        for (id, seq, hash) in heads {
            one(&state, &Head { chain: id.to_string(), seq, hash }, &mut found).await?;
            if !found.ok {
                break;
            }
        }
    }
    Ok(Json(found))
}

/// Checks one chain up to the head that it should have.
async fn one(state: &HttpState, head: &Head, found: &mut Verified) -> Result<(), Failure> {
    let mut check = Check { rows: 0, last: None };
    let broken = loop {
        // Rows that were written after the head was read are not looked at.
        let batch = BATCH.min(head.seq - check.rows);
        let rows = if batch > 0 { audit::list(state.pool(), &head.chain, check.rows, batch).await? } else { Vec::new() };
        if rows.is_empty() {
            break check.end(head);
        }
        if let Some(problem) = rows.iter().find_map(|row| check.row(&head.chain, row)) {
            break Some(problem);
        }
    };
    found.rows += check.rows;
    found.chains += u64::from(broken.is_none());
    found.ok = broken.is_none();
    found.problem = broken.map(|problem| json!(problem));
    Ok(())
}

/// How far a chain was found intact.
struct Check {
    rows: i64,
    last: Option<Vec<u8>>,
}

impl Check {
    fn row(&mut self, chain: &str, row: &AuditRow) -> Option<Problem> {
        let expected = self.rows + 1;
        if row.seq != expected {
            return Some(broken(chain, expected, &format!("row {expected} is missing")));
        }
        if row.prev_hash != self.last {
            return Some(broken(chain, row.seq, &format!("row {} does not follow the row before it", row.seq)));
        }
        let hash = row_hash(row.prev_hash.as_deref(), chain, row.seq, row.at, &row.actor, &row.event, &row.data);
        if hash != row.hash {
            return Some(broken(chain, row.seq, &format!("row {} (`{}` by {}) is not as it was written", row.seq, row.event, row.actor)));
        }
        self.rows = row.seq;
        self.last = Some(hash);
        None
    }

    fn end(&self, head: &Head) -> Option<Problem> {
        if self.rows < head.seq {
            return Some(broken(
                &head.chain,
                self.rows + 1,
                &format!("row {} is missing; the chain should have {}", self.rows + 1, head.seq),
            ));
        }
        (self.last != head.hash).then(|| broken(&head.chain, self.rows, "the last row's hash is not the chain's head"))
    }
}

fn broken(chain: &str, seq: i64, what: &str) -> Problem {
    let message =
        format!("the audit chain {chain} is broken: {what}. Compare with the Audit-Head trailers in the audit repository and a backup");
    Problem::new(ErrorCode::AuditBroken, message).with_details(json!({"chain": chain, "seq": seq}))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn chain_of(events: &[&str]) -> Vec<AuditRow> {
        let mut last: Option<Vec<u8>> = None;
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        events
            .iter()
            .zip(1..)
            .map(|(event, seq)| {
                let hash = row_hash(last.as_deref(), "c", seq, at, "ada", event, &json!({}));
                let prev_hash = last.replace(hash.clone());
                AuditRow { seq, at, actor: "ada".to_owned(), event: (*event).to_owned(), data: json!({}), prev_hash, hash }
            })
            .collect()
    }

    fn first_break(rows: &[AuditRow], head: &AuditRow) -> Option<Value> {
        let mut check = Check { rows: 0, last: None };
        let head = Head { chain: "c".to_owned(), seq: head.seq, hash: Some(head.hash.clone()) };
        rows.iter().find_map(|row| check.row("c", row)).or_else(|| check.end(&head)).map(|problem| problem.details["seq"].clone())
    }

    #[test]
    fn a_changed_or_missing_row_is_found_wherever_it_stood() {
        let rows = chain_of(&["one", "two", "three"]);
        assert_eq!(first_break(&rows, &rows[2]), None);
        for place in 0..3 {
            let mut changed = rows.clone();
            changed[place].actor = "eve".to_owned();
            assert_eq!(first_break(&changed, &rows[2]), Some(json!(place + 1)));
            let mut missing = rows.clone();
            missing.remove(place);
            assert_eq!(first_break(&missing, &rows[2]), Some(json!(place + 1)));
        }
        let mut forged = chain_of(&["one", "two", "four"]);
        assert_eq!(first_break(&forged, &rows[2]), Some(json!(3)));
        forged.clear();
        assert_eq!(first_break(&forged, &rows[2]), Some(json!(1)));
    }
}

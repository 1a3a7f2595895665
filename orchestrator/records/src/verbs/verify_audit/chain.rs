//! One chain: each row's hash is computed again, from the first row to the chain's head.

use chiffon_kernel::domain::audit::{SEALED, SYSTEM_CHAIN, Seal, row_hash};
use chiffon_kernel::store;
use serde_json::json;
use sqlx::PgConnection;

use super::{LogSeals, PAGE, Report};
use crate::domain::log_digest::LogSeal;
use crate::store::read::audit::{self, AuditRow};

/// Where a chain should end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The chain's name.
    pub chain: String,
    /// Its last number.
    pub seq: i64,
    /// Its last hash.
    pub hash: Option<Vec<u8>>,
}

/// What a chain was found to be, and what it keeps about other things.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) is_whole: bool,
    pub(super) logs: LogSeals,
    pub(super) seals: Vec<Seal>,
}

/// Checks a chain up to the head that it should have. The first break ends it: behind it nothing can be told.
pub(super) async fn run(connection: &mut PgConnection, head: &Head, report: &mut Report) -> Result<Checked, store::Error> {
    let mut check = Check::default();
    let mut checked = Checked::default();
    let broken = loop {
        let rows = audit::list(&mut *connection, &head.chain, check.rows, PAGE).await?;
        if rows.is_empty() {
            break check.end(head);
        }
        if let Some(broken) = rows.iter().find_map(|row| check.row(head, row)) {
            break Some(broken);
        }
        for row in &rows {
            checked.note(head, row);
        }
    };
    report.rows += check.rows;
    checked.is_whole = broken.is_none();
    match broken {
        None => report.chains += 1,
        Some(Break { seq, what }) => {
            let message = format!(
                "the audit chain {} is broken: {what}. Compare with the Audit-Head trailers in the audit repository and with a backup",
                head.chain
            );
            report.broken(message, json!({"kind": "chain", "chain": head.chain, "seq": seq}));
        }
    }
    Ok(checked)
}

impl Checked {
    fn note(&mut self, head: &Head, row: &AuditRow) {
        if head.chain == SYSTEM_CHAIN {
            self.seals.extend((row.event == SEALED).then(|| serde_json::from_value::<Seal>(row.data.clone()).ok()).flatten());
        } else if let Some(seal) = LogSeal::read(&row.event, &row.data) {
            let kept = self.logs.entry((seal.task_id, seal.attempt)).or_insert_with(|| seal.clone());
            if seal.lines >= kept.lines {
                *kept = seal;
            }
        }
    }
}

/// The first row that does not fit, and why.
#[derive(Debug, PartialEq, Eq)]
struct Break {
    seq: i64,
    what: String,
}

/// How far a chain was found intact.
#[derive(Debug, Default)]
struct Check {
    rows: i64,
    last: Option<Vec<u8>>,
}

impl Check {
    fn row(&mut self, head: &Head, row: &AuditRow) -> Option<Break> {
        let expected = self.rows + 1;
        let broken = |seq, what| Some(Break { seq, what });
        if row.seq != expected {
            return broken(expected, format!("row {expected} is missing"));
        }
        if row.seq > head.seq {
            return broken(row.seq, format!("row {} (`{}`) was added behind its head, which is row {}", row.seq, row.event, head.seq));
        }
        if row.prev_hash != self.last {
            return broken(row.seq, format!("row {} does not follow the row before it", row.seq));
        }
        let hash = row_hash(row.prev_hash.as_deref(), &head.chain, row.seq, row.at, &row.actor, &row.event, &row.data);
        if hash != row.hash {
            return broken(row.seq, format!("row {} (`{}` by {}) is not as it was written", row.seq, row.event, row.actor));
        }
        self.rows = row.seq;
        self.last = Some(hash);
        None
    }

    fn end(&self, head: &Head) -> Option<Break> {
        if self.rows < head.seq {
            let missing = self.rows + 1;
            return Some(Break { seq: missing, what: format!("row {missing} is missing; the chain should have {}", head.seq) });
        }
        (self.last != head.hash).then(|| Break { seq: self.rows, what: "the last row's hash is not the chain's head".to_owned() })
    }
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

    fn first_break(rows: &[AuditRow], head: &AuditRow) -> Option<i64> {
        let mut check = Check::default();
        let head = Head { chain: "c".to_owned(), seq: head.seq, hash: Some(head.hash.clone()) };
        rows.iter().find_map(|row| check.row(&head, row)).or_else(|| check.end(&head)).map(|broken| broken.seq)
    }

    #[test]
    fn a_changed_or_missing_row_is_found_wherever_it_stood() {
        let rows = chain_of(&["one", "two", "three"]);
        assert_eq!(first_break(&rows, &rows[2]), None);
        for place in 0..3 {
            let expected = Some(i64::try_from(place).unwrap() + 1);
            let mut changed = rows.clone();
            changed[place].actor = "eve".to_owned();
            assert_eq!(first_break(&changed, &rows[2]), expected);
            let mut missing = rows.clone();
            missing.remove(place);
            assert_eq!(first_break(&missing, &rows[2]), expected);
        }
        let mut forged = chain_of(&["one", "two", "four"]);
        assert_eq!(first_break(&forged, &rows[2]), Some(3));
        forged.clear();
        assert_eq!(first_break(&forged, &rows[2]), Some(1));
        assert_eq!(first_break(&rows, &rows[1]), Some(3), "a row behind the head");
    }
}

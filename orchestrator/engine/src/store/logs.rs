//! Log events of attempts, stored so that a replay neither loses nor doubles a line (RELIABILITY 16).

use chiffon_kernel::store::Error;
use chiffon_kernel::store::storable::storable;
use chiffon_protocol::message::LogEvent;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::attempts::Attempt;

/// The longest text of one event; the rest is cut off, visibly.
const TEXT_BYTES: usize = 64 * 1024;

/// What was stored of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The numbers that are new, in runs without a gap: first and last of each.
    pub new: Vec<(i64, i64)>,
    /// The last number without a gap before it.
    pub contiguous: i64,
}

/// Adds events; those that are there already stay as they are. `None` when nothing was new.
pub async fn add(connection: &mut PgConnection, attempt: &Attempt, events: &[&LogEvent]) -> Result<Option<Stored>, Error> {
    let numbered: Vec<(i64, &LogEvent)> =
        events.iter().filter_map(|event| Some((i64::try_from(event.seq).ok().filter(|seq| *seq > 0)?, *event))).collect();
    let seqs: Vec<i64> = numbered.iter().map(|(seq, _)| *seq).collect();
    let ats: Vec<DateTime<Utc>> = numbered.iter().map(|(_, event)| event.at).collect();
    let kinds: Vec<String> = numbered.iter().map(|(_, event)| text(&event.kind)).collect();
    let hosts: Vec<Option<String>> = numbered.iter().map(|(_, event)| event.host.as_deref().map(text)).collect();
    let names: Vec<Option<String>> = numbered.iter().map(|(_, event)| event.name.as_deref().map(text)).collect();
    let texts: Vec<String> = numbered.iter().map(|(_, event)| text(&event.text)).collect();
    let diffs: Vec<Option<String>> = numbered.iter().map(|(_, event)| event.diff.as_deref().map(text)).collect();
    let new = sqlx::query_scalar!(
        "INSERT INTO execution_logs (created_at, task_id, attempt, seq, at, kind, host, name, text, diff)
        SELECT $1, $2, $3, e.seq, e.at, e.kind, e.host, e.name, e.text, e.diff
        FROM unnest($4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
            AS e (seq, at, kind, host, name, text, diff)
        ON CONFLICT DO NOTHING
        RETURNING seq",
        attempt.created_at,
        attempt.task_id,
        attempt.attempt,
        &seqs,
        &ats,
        &kinds,
        &hosts as &[Option<String>],
        &names as &[Option<String>],
        &texts,
        &diffs as &[Option<String>],
    )
    .fetch_all(&mut *connection)
    .await?;
    if new.is_empty() {
        return Ok(None);
    }
    let contiguous = advance(connection, attempt).await?;
    Ok(Some(Stored { new: runs(new), contiguous }))
}

/// Numbers as runs without a gap. A live view shows what a run names, so a run may name nothing that was there before.
fn runs(mut numbers: Vec<i64>) -> Vec<(i64, i64)> {
    numbers.sort_unstable();
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

/// Moves `stored_seq` up to the first gap. The log's digest in the audit is due again.
async fn advance(connection: &mut PgConnection, attempt: &Attempt) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE task_attempts
        SET stored_seq = GREATEST(stored_seq, COALESCE((
            SELECT max(seq)
            FROM (
                SELECT seq, seq - row_number() OVER (ORDER BY seq) AS missing
                FROM execution_logs
                WHERE created_at = $3 AND task_id = $1 AND attempt = $2 AND seq > $4
            ) AS numbered
            WHERE missing = $4
        ), $4)),
            log_sealed_at = NULL
        WHERE task_id = $1 AND attempt = $2
        RETURNING stored_seq",
        attempt.task_id,
        attempt.attempt,
        attempt.created_at,
        attempt.stored_seq,
    )
    .fetch_one(connection)
    .await?)
}

/// The last line of an attempt that says something, for people who ask what is known.
pub async fn last_text(connection: &mut PgConnection, task_id: Uuid, attempt: i32) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT text
        FROM execution_logs
        WHERE task_id = $1 AND attempt = $2 AND text <> ''
        ORDER BY seq DESC
        LIMIT 1",
        task_id,
        attempt,
    )
    .fetch_optional(connection)
    .await?)
}

fn text(text: &str) -> String {
    let storable = storable(text);
    if storable.len() <= TEXT_BYTES {
        return storable.into_owned();
    }
    let kept = storable.get(..storable.floor_char_boundary(TEXT_BYTES)).unwrap_or_default();
    format!("{kept}\n[... {} more bytes were cut off]", storable.len() - kept.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_names_no_number_between() {
        assert_eq!(runs(vec![5, 1, 2, 9, 8]), [(1, 2), (5, 5), (8, 9)]);
        assert_eq!(runs(Vec::new()), []);
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let cut = text(&"ü".repeat(TEXT_BYTES));
        assert!(cut.len() < TEXT_BYTES + 100 && cut.ends_with("more bytes were cut off]"));
    }
}

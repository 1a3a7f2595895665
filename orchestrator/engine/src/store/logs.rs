//! Log events of attempts, stored so that a replay neither loses nor doubles a line (RELIABILITY 16).

use std::collections::BTreeMap;

use chiffon_kernel::store::Error;
use chiffon_kernel::store::storable::storable;
use chiffon_protocol::message::{LogEvent, WorkResult};
use chiffon_records::domain::log_digest::{Line, LogDigest, LogSeal};
use chrono::{DateTime, SubsecRound as _, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::attempts::Attempt;

/// The longest text of one event; the rest is cut off, visibly.
const TEXT_BYTES: usize = 64 * 1024;

/// PostgreSQL keeps so many digits of a second.
const DIGITS: u16 = 6;

/// The whole log of an attempt of which nothing was stored before, as it came with the result.
#[derive(Debug, Clone)]
pub struct Whole {
    rows: Columns,
    seal: LogSeal,
}

impl Whole {
    /// The log that came with a result; `None` where lines are missing.
    pub fn of(attempt: &Attempt, result: &WorkResult) -> Option<Self> {
        let mut rows = Columns::default();
        let mut digest = LogDigest::default();
        for event in &result.events {
            let line = line(event)?;
            if !digest.add(&line) {
                return None;
            }
            rows.push(attempt, line);
        }
        let lines = digest.lines();
        let is_whole = lines > 0 && u64::try_from(lines) == Ok(result.last_seq);
        let seal = LogSeal { task_id: attempt.task_id, attempt: attempt.attempt, lines, whole: true, sha256: digest.finish() };
        is_whole.then_some(Self { rows, seal })
    }

    /// The digest that goes into the audit.
    pub fn seal(&self) -> &LogSeal {
        &self.seal
    }
}

/// The lines of several, one after the other.
pub(super) fn rows_of<'w>(logs: impl IntoIterator<Item = &'w Whole>) -> Columns {
    logs.into_iter().fold(Columns::default(), |mut rows, log| {
        rows.extend(&log.rows);
        rows
    })
}

/// What was stored of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The numbers that are new, in runs without a gap: first and last of each.
    pub new: Vec<(i64, i64)>,
    /// The last number without a gap before it.
    pub contiguous: i64,
}

/// Adds events of attempts; those that are there already stay as they are. What was stored of each attempt that has new ones.
pub async fn add(connection: &mut PgConnection, said: &[(&Attempt, Vec<&LogEvent>)]) -> Result<BTreeMap<(Uuid, i32), Stored>, Error> {
    let mut rows = Columns::default();
    for (attempt, events) in said {
        for event in events {
            rows.add(attempt, event);
        }
    }
    let new = sqlx::query!(
        "INSERT INTO execution_logs (created_at, task_id, attempt, seq, at, kind, host, name, text, diff)
        SELECT created_at, task_id, attempt, seq, at, kind, host, name, text, diff
        FROM unnest($1::timestamptz[], $2::uuid[], $3::int[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[])
            AS e (created_at, task_id, attempt, seq, at, kind, host, name, text, diff)
        ON CONFLICT DO NOTHING
        RETURNING task_id, attempt, seq",
        &rows.created_at,
        &rows.tasks,
        &rows.attempts,
        &rows.seqs,
        &rows.ats,
        &rows.kinds,
        &rows.hosts as &[Option<String>],
        &rows.names as &[Option<String>],
        &rows.texts,
        &rows.diffs as &[Option<String>],
    )
    .fetch_all(&mut *connection)
    .await?;
    if new.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut numbers: BTreeMap<(Uuid, i32), Vec<i64>> = BTreeMap::new();
    for row in new {
        numbers.entry((row.task_id, row.attempt)).or_default().push(row.seq);
    }
    let grown: Vec<&Attempt> =
        said.iter().map(|(attempt, _)| *attempt).filter(|attempt| numbers.contains_key(&(attempt.task_id, attempt.attempt))).collect();
    let contiguous = advance(connection, &grown).await?;
    Ok(numbers
        .into_iter()
        .map(|(key, numbers)| (key, Stored { new: runs(numbers), contiguous: contiguous.get(&key).copied().unwrap_or_default() }))
        .collect())
}

/// Lines as columns.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    pub(super) created_at: Vec<DateTime<Utc>>,
    pub(super) tasks: Vec<Uuid>,
    pub(super) attempts: Vec<i32>,
    pub(super) seqs: Vec<i64>,
    pub(super) ats: Vec<DateTime<Utc>>,
    pub(super) kinds: Vec<String>,
    pub(super) hosts: Vec<Option<String>>,
    pub(super) names: Vec<Option<String>>,
    pub(super) texts: Vec<String>,
    pub(super) diffs: Vec<Option<String>>,
}

impl Columns {
    /// Adds one. A number that can't be one is none.
    fn add(&mut self, attempt: &Attempt, event: &LogEvent) {
        if let Some(line) = line(event).filter(|line| line.seq > 0) {
            self.push(attempt, line);
        }
    }

    fn push(&mut self, attempt: &Attempt, line: Line) {
        self.created_at.push(attempt.created_at);
        self.tasks.push(attempt.task_id);
        self.attempts.push(attempt.attempt);
        self.seqs.push(line.seq);
        self.ats.push(line.at);
        self.kinds.push(line.kind);
        self.hosts.push(line.host);
        self.names.push(line.name);
        self.texts.push(line.text);
        self.diffs.push(line.diff);
    }

    fn extend(&mut self, more: &Self) {
        self.created_at.extend_from_slice(&more.created_at);
        self.tasks.extend_from_slice(&more.tasks);
        self.attempts.extend_from_slice(&more.attempts);
        self.seqs.extend_from_slice(&more.seqs);
        self.ats.extend_from_slice(&more.ats);
        self.kinds.extend_from_slice(&more.kinds);
        self.hosts.extend_from_slice(&more.hosts);
        self.names.extend_from_slice(&more.names);
        self.texts.extend_from_slice(&more.texts);
        self.diffs.extend_from_slice(&more.diffs);
    }
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

/// Moves `stored_seq` up to the first gap, from what it was when the attempts were read under their requests' locks. The logs' digests in
/// the audit are due again.
async fn advance(connection: &mut PgConnection, attempts: &[&Attempt]) -> Result<BTreeMap<(Uuid, i32), i64>, Error> {
    let rows = sqlx::query!(
        "UPDATE task_attempts
        SET stored_seq = GREATEST(task_attempts.stored_seq, COALESCE((
            SELECT max(seq)
            FROM (
                SELECT seq, seq - row_number() OVER (ORDER BY seq) AS missing
                FROM execution_logs l
                WHERE l.created_at = grown.created_at AND l.task_id = grown.task_id AND l.attempt = grown.attempt AND l.seq > grown.stored_seq
            ) AS numbered
            WHERE missing = grown.stored_seq
        ), grown.stored_seq)),
            log_sealed_at = NULL
        FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::bigint[]) AS grown (task_id, attempt, created_at, stored_seq)
        WHERE task_attempts.task_id = grown.task_id AND task_attempts.attempt = grown.attempt
        RETURNING task_attempts.task_id, task_attempts.attempt, task_attempts.stored_seq",
        &attempts.iter().map(|attempt| attempt.task_id).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.attempt).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.created_at).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.stored_seq).collect::<Vec<_>>(),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.task_id, row.attempt), row.stored_seq)).collect())
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

/// An event as it is stored.
fn line(event: &LogEvent) -> Option<Line> {
    let optional = |value: &Option<String>| value.as_deref().map(text);
    Some(Line {
        seq: i64::try_from(event.seq).ok()?,
        at: event.at.trunc_subsecs(DIGITS),
        kind: text(&event.kind),
        host: optional(&event.host),
        name: optional(&event.name),
        text: text(&event.text),
        diff: optional(&event.diff),
    })
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

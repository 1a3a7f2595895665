//! What a live view shows next: a request's events after a cursor, with the log lines that they announce.
//!
//! All of it is read from one snapshot, so that "this is the end" can be told without losing what came before it.

use chiffon_engine::store::read::tasks::LogLine;
use chiffon_kernel::store::Error;
use chiffon_kernel::store::events::{self, Event};
use chiffon_kernel::store::read::snapshot;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// The next part of a request's story.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Events in order; each `log` event with its lines.
    pub events: Vec<(Event, Vec<LogLine>)>,
    /// Where the request stood then.
    pub status: String,
    /// Whether it had ended.
    pub finished: bool,
    /// Whether these are all events there are.
    pub last: bool,
    /// Whether it had ended, all announced log lines are stored, and all records are committed.
    pub settled: bool,
}

/// At most `limit` events after `after`; `None` when there is no such request.
pub async fn read(pool: &PgPool, request_id: Uuid, after: i64, limit: i64) -> Result<Option<Batch>, Error> {
    let mut tx = snapshot(pool).await?;
    let head = sqlx::query!(
        r#"SELECT r.status, s.event_seq, r.finished_at IS NOT NULL AS "finished!",
            CASE WHEN r.finished_at IS NULL THEN false ELSE
                NOT EXISTS (SELECT FROM git_outbox g WHERE g.request_id = r.id AND g.settled_at IS NULL)
                AND NOT EXISTS (
                    SELECT FROM tasks t
                    JOIN task_attempts a ON a.task_id = t.id
                    WHERE t.request_id = r.id AND a.last_seq > a.stored_seq
                )
            END AS "settled!"
        FROM requests r
        JOIN streams s ON s.id = r.id
        WHERE r.id = $1"#,
        request_id,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(head) = head else { return Ok(None) };
    let events = events::list_after(&mut tx, request_id, after, limit).await?;
    let ranges: Vec<Range> = events.iter().enumerate().filter_map(|(index, event)| Range::of(index, event)).collect();
    let mut lines: Vec<Vec<LogLine>> = events.iter().map(|_| Vec::new()).collect();
    for (index, line) in lines_of(&mut tx, &ranges).await? {
        lines[index].push(line);
    }
    tx.commit().await?;
    let cursor = events.last().map_or(after, |event| event.seq);
    Ok(Some(Batch {
        events: events.into_iter().zip(lines).collect(),
        status: head.status,
        finished: head.finished,
        last: cursor >= head.event_seq,
        settled: head.settled,
    }))
}

/// The lines that a `log` event announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    index: usize,
    task_id: Uuid,
    attempt: i32,
    from: i64,
    to: i64,
}

impl Range {
    fn of(index: usize, event: &Event) -> Option<Self> {
        if event.kind != "log" {
            return None;
        }
        let number = |name: &str| event.data.get(name).and_then(Value::as_i64);
        Some(Self {
            index,
            task_id: event.data.get("task_id")?.as_str()?.parse().ok()?,
            attempt: i32::try_from(number("attempt")?).ok()?,
            from: number("from")?,
            to: number("to")?,
        })
    }
}

async fn lines_of(connection: &mut PgConnection, ranges: &[Range]) -> Result<Vec<(usize, LogLine)>, Error> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let tasks: Vec<Uuid> = ranges.iter().map(|range| range.task_id).collect();
    let attempts: Vec<i32> = ranges.iter().map(|range| range.attempt).collect();
    let from: Vec<i64> = ranges.iter().map(|range| range.from).collect();
    let to: Vec<i64> = ranges.iter().map(|range| range.to).collect();
    // The join names the partition of each attempt.
    let rows = sqlx::query!(
        r#"SELECT w.place AS "place!", l.attempt, l.seq, l.at, l.kind, l.host, l.name, l.text, l.diff
        FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS w (task_id, attempt, from_seq, to_seq, place)
        JOIN task_attempts a ON a.task_id = w.task_id AND a.attempt = w.attempt
        JOIN execution_logs l ON l.created_at = a.created_at AND l.task_id = a.task_id AND l.attempt = a.attempt
            AND l.seq BETWEEN w.from_seq AND w.to_seq
        ORDER BY w.place, l.seq"#,
        &tasks,
        &attempts,
        &from,
        &to,
    )
    .fetch_all(connection)
    .await?;
    let place = |ordinal: i64| usize::try_from(ordinal - 1).ok().and_then(|index| ranges.get(index)).map(|range| range.index);
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let line = LogLine {
                attempt: row.attempt,
                seq: row.seq,
                at: row.at,
                kind: row.kind,
                host: row.host,
                name: row.name,
                text: row.text,
                diff: row.diff,
            };
            Some((place(row.place)?, line))
        })
        .collect())
}

//! What must be true when a fault is over, asked of the hosts, the records, the journal and `chiffon why`.

use chiffon_e2e::{Stage, eventually};
use serde_json::{Value, json};

use super::matrix::Case;
use super::point::{Held, Point};

/// How a walk may come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// It was walked once, from its begin to its end.
    Completed,
    /// It was cut off, and a person is asked.
    CutOff,
    /// It was stopped, as a person wanted.
    Cancelled,
}

fn expected(case: Case) -> Expected {
    match case.point {
        Point::Cancelling => Expected::Cancelled,
        Point::CutOff => Expected::CutOff,
        Point::Starting | Point::Running | Point::Unknown if case.is_agents_death() => Expected::CutOff,
        _ => Expected::Completed,
    }
}

/// Brings the request to its end and looks at everything.
pub async fn hold_court(stage: &Stage, case: Case, held: &Held) {
    let name = case.name();
    // What is unknown for a while needs attention for a while.
    let end = if expected(case) == Expected::CutOff { "needs_attention" } else { "completed" };
    let ends = [end, "completed", "failed", "cancelled", "rejected", "expired"];
    let mut request = stage.request_when(&held.id, &[ends.as_slice(), &["awaiting_approval", "needs_input"]].concat()).await;
    if request["status"] == "awaiting_approval" {
        stage.approve(&request).await;
        request = stage.request_when(&held.id, &ends).await;
    }
    let lines = stage.lines(&held.host);
    let status = request["status"].as_str().unwrap_or_default();
    match expected(case) {
        Expected::Completed => {
            assert_eq!(status, "completed", "{name}: {request:#}");
            assert_eq!((lines.began.len(), &lines.ended), (1, &lines.began), "{name}: walked once, and to the end");
        }
        Expected::CutOff => {
            assert_eq!(status, "needs_attention", "{name}: {request:#}");
            assert!(lines.began.len() <= 1 && lines.ended.is_empty(), "{name}: cut off, and not walked again: {lines:?}");
            let told = told(stage, held, &["interrupted"]).await;
            assert!(told.contains("the agent was"), "{name}: it says what had happened:\n{told}");
            let (status, answer) = stage.api().post(&format!("/cancel/{}", held.id), &json!({})).await;
            assert_eq!(status, 200, "{name}: {answer:#}");
            stage.request_when(&held.id, &["cancelled"]).await;
        }
        Expected::Cancelled => {
            assert_eq!(status, "cancelled", "{name}: {request:#}");
            assert!(lines.began.len() <= 1 && lines.ended.is_empty(), "{name}: stopped in its middle: {lines:?}");
        }
    }
    told(stage, held, words(case)).await;
    nothing_is_left(stage, &name).await;
    if expected(case) == Expected::Completed {
        let committed = format!("SELECT commit_id FROM git_outbox WHERE request_id = '{}' AND settled_at IS NOT NULL", held.id);
        stage.until_some(&format!("{name}: what was changed is committed"), &committed).await;
    }
}

/// What the story must name, beside how it ended.
fn words(case: Case) -> &'static [&'static str] {
    match (case.point, expected(case)) {
        (_, Expected::CutOff) => &["walk on", "task claimed", "interrupted", "cancel"],
        (Point::Unknown, _) => &["walk on", "walker", "unknown", "silent"],
        (Point::Cancelling, _) => &["walk on", "cancel"],
        _ => &["walk on", "plan approved", "task claimed", "succeeded"],
    }
}

/// `chiffon why`, once it holds these words.
async fn told(stage: &Stage, held: &Held, words: &[&str]) -> String {
    eventually(&format!("`chiffon why` names {words:?}"), || async {
        let said = stage.verb(&["why", &held.id]);
        let missing: Vec<&&str> = words.iter().filter(|word| !said.stdout.contains(**word)).collect();
        if missing.is_empty() { Ok(said.stdout) } else { Err(format!("without {missing:?}:\n{}{}", said.stdout, said.stderr)) }
    })
    .await
}

/// Everything is settled: nothing is unsent, unreported, locked or dead, and no invariant is violated.
pub async fn nothing_is_left(stage: &Stage, name: &str) {
    stage.journal_is(&[]).await;
    stage.until_none(&format!("{name}: the outbox is empty"), "SELECT id || ' ' || routing_key FROM outbox").await;
    stage.until_none(&format!("{name}: no host is taken"), "SELECT host FROM host_locks").await;
    stage.until_none(&format!("{name}: no commit is owed"), "SELECT id::text FROM git_outbox WHERE settled_at IS NULL").await;
    let dead = stage.rows("SELECT queue || ' ' || reason FROM dead_letters").await.expect("the database answers");
    assert!(dead.is_empty(), "{name}: no message has died: {dead:#?}");
    eventually(&format!("{name}: no invariant is violated"), || async {
        let (_, background) = stage.answer("/background").await?;
        let violated = items(&background, "violated");
        if background["invariants"].is_object() && violated.is_empty() { Ok(()) } else { Err(format!("{violated:#?}")) }
    })
    .await;
}

/// The last look at a stage: every invariant was judged and holds, and the audit log is whole.
pub async fn all_is_well(stage: &Stage) {
    nothing_is_left(stage, "at the end").await;
    eventually("every invariant is judged", || async {
        let (_, background) = stage.answer("/background").await?;
        let open = items(&background, "not_judged");
        if open.is_empty() && items(&background, "violated").is_empty() { Ok(()) } else { Err(format!("{open:#?}")) }
    })
    .await;
    let (status, verified) = stage.answer("/audit/verify").await.expect("an answer");
    assert_eq!((status, &verified["ok"]), (200, &json!(true)), "{verified:#}");
}

fn items(background: &Value, status: &str) -> Vec<Value> {
    background["invariants"]["items"].as_array().into_iter().flatten().filter(|item| item["status"] == status).cloned().collect()
}

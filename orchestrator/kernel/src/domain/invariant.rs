//! What must never be true of the records: each with a name, the sentence that has to hold, and what to do when it does not.
//!
//! Nothing here looks at anything: each rule stands beside its statement in `store::invariants`, and who runs them is
//! `verbs::check_invariants`.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::short_id;

/// Something that has to hold at every moment, whatever was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name over HTTP and in metrics.
    pub name: &'static str,
    /// Whether it is about something that is overdue: then it says nothing while broker or process were away, because nobody could do
    /// what is due (RELIABILITY 10).
    pub is_about_time: bool,
    /// What has to hold.
    pub sentence: &'static str,
    /// What to do when it does not; `{request}` and `{task}` stand for what it is about.
    pub advice: &'static str,
}

/// What a look found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many violations there are.
    pub count: i64,
    /// What some of them are about: ids, as an operator can use them.
    pub examples: Vec<String>,
}

impl Rule {
    /// What to do about what was found, with the ids to be typed.
    pub fn advice_about(&self, found: &Found) -> String {
        let id = found.examples.iter().find_map(|example| short_id::find(example));
        let (request, task) = id.map_or(("ID".to_owned(), "ID".to_owned()), |id| (short_id::short(id), id.to_string()));
        self.advice.replace("{request}", &request).replace("{task}", &task)
    }
}

/// Whether an invariant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Ok,
    /// It does not.
    Violated,
    /// Broker or process were away a moment ago: what is overdue may be excused.
    NotJudged,
}

/// One invariant, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Checked {
    /// Its name.
    pub invariant: &'static str,
    /// What has to hold.
    pub sentence: &'static str,
    /// Whether it does.
    pub status: Verdict,
    /// How many violations there are.
    pub count: i64,
    /// What some of them are about.
    pub examples: Vec<String>,
    /// When this process first saw it violated; null while it is not.
    pub since: Option<DateTime<Utc>>,
    /// What to do; null while nothing has to be done.
    pub advice: Option<String>,
}

/// All of them, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct InvariantReport {
    /// When they were looked at.
    pub checked_at: DateTime<Utc>,
    /// Each of them.
    pub items: Vec<Checked>,
}

impl InvariantReport {
    /// Those that do not hold.
    pub fn violated(&self) -> impl Iterator<Item = &Checked> {
        self.items.iter().filter(|item| item.status == Verdict::Violated)
    }

    /// What was found about one of them, after what the last report said.
    pub fn judge(rule: &Rule, found: Option<Found>, before: Option<&Self>, now: DateTime<Utc>) -> Checked {
        let was = before.and_then(|before| before.items.iter().find(|item| item.invariant == rule.name));
        let status = match &found {
            None => Verdict::NotJudged,
            Some(found) if found.count == 0 => Verdict::Ok,
            Some(_) => Verdict::Violated,
        };
        let is_violated = status == Verdict::Violated;
        let found = found.unwrap_or_default();
        let advice = is_violated.then(|| rule.advice_about(&found));
        Checked {
            invariant: rule.name,
            sentence: rule.sentence,
            status,
            count: found.count,
            examples: found.examples,
            since: is_violated.then(|| was.and_then(|was| was.since).unwrap_or(now)),
            advice,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { name: "outbox_row_too_old", is_about_time: true, sentence: "no row is old", advice: "send it" };

    #[test]
    fn a_violation_keeps_the_time_of_its_first_sight() {
        let (first, second) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(1));
        let found = || Some(Found { count: 2, examples: vec!["7".to_owned()] });
        let judge = |found, before: Option<&InvariantReport>, now| InvariantReport {
            checked_at: now,
            items: vec![InvariantReport::judge(&RULE, found, before, now)],
        };
        let before = judge(found(), None, first);
        let after = judge(found(), Some(&before), second);
        assert_eq!((after.items[0].since, after.items[0].status), (Some(first), Verdict::Violated));
        let restored = judge(Some(Found::default()), Some(&after), second);
        assert_eq!((restored.items[0].since, restored.violated().count()), (None, 0));
        assert_eq!(judge(None, Some(&after), second).items[0].status, Verdict::NotJudged);
    }
}

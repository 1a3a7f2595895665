//! The dry run that is made after a change was cut off, in words for the person who decides about it (RELIABILITY 13). Pure.

use chiffon_kernel::domain::waiting::WaitingFor;
use serde_json::Value;

use super::task::Status;

/// So many changes are named.
const NAMED: usize = 5;

/// How a fresh dry run stands.
#[derive(Debug, Clone, Copy)]
pub struct FreshPreview<'p> {
    /// What its step does.
    pub title: &'p str,
    /// Where it stands.
    pub status: Status,
    /// What it found.
    pub found: Option<&'p Value>,
    /// What it waits for.
    pub waiting_for: Option<&'p WaitingFor>,
    /// What went wrong.
    pub error: Option<&'p Value>,
}

impl FreshPreview<'_> {
    /// The same in words.
    pub fn sentence(&self) -> String {
        let title = self.title;
        let said = match self.status {
            Status::Completed => return format!("A fresh dry run of \"{title}\" {}.", self.result()),
            Status::Pending | Status::Waiting => match self.waiting_for {
                Some(WaitingFor { text, .. }) => format!("has not begun: {text}"),
                None => "has not begun".to_owned(),
            },
            Status::Dispatched | Status::Running => "is under way".to_owned(),
            Status::Cancelled | Status::Skipped => "was stopped".to_owned(),
            Status::Failed | Status::Interrupted | Status::Unknown => {
                let cause = self.error.and_then(|error| error["message"].as_str()).unwrap_or("nobody said why");
                format!("came to nothing: {}", cause.trim_end_matches('.'))
            }
        };
        format!("A fresh dry run of \"{title}\" {said}; you can decide without it.")
    }

    fn result(&self) -> String {
        let Some(found) = self.found else { return "ended, and says nothing about changes".to_owned() };
        let names: Vec<&str> = found["changes"].as_array().into_iter().flatten().filter_map(|change| change["name"].as_str()).collect();
        let coverage = found["coverage"].as_f64().unwrap_or(0.0);
        let saw_all = coverage >= 1.0 && found["not_previewed"].as_array().is_none_or(Vec::is_empty);
        let part = if saw_all { String::new() } else { format!(" in what it can preview ({:.0} %)", coverage * 100.0) };
        let rest = names.len().saturating_sub(NAMED);
        let more = if rest > 0 { format!("; and {rest} more") } else { String::new() };
        let listed = names.iter().take(NAMED).copied().collect::<Vec<_>>().join("; ");
        match names.len() {
            0 if saw_all => "shows that nothing is left to change: --done fits".to_owned(),
            0 => format!("shows that nothing is left to change{part}; look at the rest before you decide"),
            1 => format!("shows that 1 change is left to make{part}: {listed}"),
            count => format!("shows that {count} changes are left to make{part}: {listed}{more}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use chiffon_kernel::domain::waiting::{Wait, What};
    use serde_json::json;

    use super::*;

    fn of(status: Status, found: &Value) -> String {
        FreshPreview { title: "Deploy Kuma", status, found: Some(found), waiting_for: None, error: None }.sentence()
    }

    #[test]
    fn it_says_what_is_left_and_calls_nothing_done_that_it_could_not_see() {
        let found = |coverage: f64, names: &[&str], unseen: &[&str]| {
            let changes: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"coverage": coverage, "changes": changes, "not_previewed": unseen})
        };
        let told = |found: Value| of(Status::Completed, &found);
        assert_eq!(told(found(1.0, &[], &[])), "A fresh dry run of \"Deploy Kuma\" shows that nothing is left to change: --done fits.");
        for blind in [found(0.5, &[], &["Start it"]), found(0.5, &[], &[]), found(1.0, &[], &["Start it"]), json!({})] {
            assert!(!told(blind.clone()).contains("--done"), "{blind}");
        }
        assert_eq!(told(found(1.0, &["Pull"], &[])), "A fresh dry run of \"Deploy Kuma\" shows that 1 change is left to make: Pull.");
        assert_eq!(
            told(found(0.5, &["a", "b", "c", "d", "e", "f", "g"], &["h"])),
            "A fresh dry run of \"Deploy Kuma\" shows that 7 changes are left to make in what it can preview (50 %): a; b; c; d; e; and 2 more."
        );
    }

    #[test]
    fn one_that_shows_nothing_says_why_and_that_nobody_has_to_wait_for_it() {
        let error = json!({"message": "nas can't be reached."});
        let failed = FreshPreview { title: "Deploy Kuma", status: Status::Failed, found: None, waiting_for: None, error: Some(&error) };
        assert_eq!(
            failed.sentence(),
            "A fresh dry run of \"Deploy Kuma\" came to nothing: nas can't be reached; you can decide without it."
        );
        let waiting = Wait::new(What::Agent, "no agent for nas is there").since(chrono::DateTime::UNIX_EPOCH);
        let waits = FreshPreview { status: Status::Waiting, waiting_for: Some(&waiting), error: None, ..failed };
        assert!(waits.sentence().contains("has not begun: no agent for nas is there; you can decide"), "{}", waits.sentence());
    }
}

//! What a task wrote where, as digests: by them a run is compared with its dry run.
//!
//! What nobody is shown (censored, `diff: false`, binary or too large) gets no digest. In a dry run with references in the place of
//! secrets only the places are told: its contents are not those of the run.

use chiffon_protocol::canonical;
use chiffon_protocol::message::Written;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use similar::{ChangeTag, TextDiff};

use super::diff::{place_of, side};
use super::{moments, not_shown};
use crate::redact::{HIDDEN, Redactor};

/// A task that wrote in more places says nothing of them.
const MOST_PLACES: usize = 100;
/// What is longer gets no digest.
const LONGEST: usize = 512 * 1024;
/// So much of a digest tells contents apart.
const DIGITS: usize = 16;

/// What is known of the run while it is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'r> {
    pub(super) redactor: &'r Redactor,
    pub(super) now: DateTime<Utc>,
    /// References stand in the place of secrets.
    pub(super) is_hollow: bool,
}

impl Look<'_> {
    /// What a result says that was written, item by item; nothing where it would be too much.
    pub(super) fn written(&self, result: &Value, task: &str) -> Vec<Written> {
        if result.get("censored").is_some() {
            return Vec::new();
        }
        let items = result.get("results").and_then(Value::as_array);
        let changed = |item: &&Value| item.get("changed").and_then(Value::as_bool).unwrap_or(false);
        let items: Vec<&Value> = items.map_or_else(|| vec![result], |items| items.iter().filter(changed).collect());
        if items.len() > MOST_PLACES {
            return Vec::new();
        }
        items.into_iter().filter_map(|item| self.item(item, task)).collect()
    }

    fn item(&self, item: &Value, task: &str) -> Option<Written> {
        let mut parts = Vec::new();
        parts_of(item.get("diff")?, &mut parts);
        if parts.is_empty() || item.get("censored").is_some() {
            return None;
        }
        let place = place_of(item).map_or_else(|| task.to_owned(), |place| self.redactor.text(&place));
        let written = Written { name: task.to_owned(), place, ..Written::default() };
        let is_shown = not_shown::of_result(item).is_none() && parts.iter().map(|part| length(part)).sum::<usize>() <= LONGEST;
        Some(if is_shown && !self.is_hollow { self.contents(&parts, written) } else { written })
    }

    fn contents(&self, parts: &[&Map<String, Value>], written: Written) -> Written {
        let (mut added, mut removed, mut after, mut attributes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            if let Some(prepared) = part.get("prepared").and_then(Value::as_str) {
                // In it, what goes can't be told from what comes in.
                if !self.holds(prepared) {
                    added.push(prepared.to_owned());
                }
            } else if part.get("after").or_else(|| part.get("before")).is_some_and(Value::is_object) {
                attributes.push(attributes_of(part));
            } else {
                let sides = (side(part.get("before")), side(part.get("after")));
                let (came, went) = lines(&sides.0, &sides.1);
                if !came.is_empty() || !went.is_empty() {
                    added.push(came);
                    removed.push(went);
                    after.push(sides.1);
                }
            }
        }
        let digest = |texts: &[String]| (!texts.is_empty()).then(|| self.digest(&texts.concat()));
        attributes.retain(|text| !text.is_empty());
        // What a secret takes the place of was one before, and redaction does not know it.
        let went = if added.iter().any(|text| self.holds(text)) { None } else { digest(&removed) };
        Written { added: digest(&added), removed: went, after: digest(&after), attributes: digest(&attributes), ..written }
    }

    /// Whether a secret stands there.
    fn holds(&self, text: &str) -> bool {
        let shown = self.redactor.text(text);
        shown.contains(HIDDEN) || shown.contains("secret://")
    }

    fn digest(&self, text: &str) -> String {
        let told = moments::left_out(&self.redactor.text(text), self.now);
        let mut digest = canonical::hex(&Sha256::digest(told.as_bytes()));
        digest.truncate(DIGITS);
        digest
    }
}

fn parts_of<'v>(diff: &'v Value, into: &mut Vec<&'v Map<String, Value>>) {
    match diff {
        Value::Array(parts) => parts.iter().for_each(|part| parts_of(part, into)),
        Value::Object(part) if !part.is_empty() => into.push(part),
        _ => {}
    }
}

fn length(part: &Map<String, Value>) -> usize {
    part.values().filter_map(Value::as_str).map(str::len).sum()
}

/// The lines that come in, and those that go.
fn lines(before: &str, after: &str) -> (String, String) {
    let (mut came, mut went) = (String::new(), String::new());
    for change in TextDiff::from_lines(before, after).iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => came.push_str(change.value()),
            ChangeTag::Delete => went.push_str(change.value()),
            ChangeTag::Equal => {}
        }
    }
    (came, went)
}

/// The attributes that change. Of a thing that is made only its kind: modules tell the rest of it once it is there.
fn attributes_of(part: &Map<String, Value>) -> String {
    let empty = Map::new();
    let of = |name: &str| part.get(name).and_then(Value::as_object).unwrap_or(&empty);
    let (before, after) = (of("before"), of("after"));
    let is_new = before.get("state").is_some_and(|state| state == "absent");
    let changed: Map<String, Value> = after
        .iter()
        .filter(|(name, value)| before.get(name.as_str()) != Some(*value) && (!is_new || *name == "state"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if changed.is_empty() { String::new() } else { format!("{}\n", Value::Object(changed)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(result: &Value) -> Vec<Written> {
        let redactor = Redactor::new(vec!["open-sesame".to_owned()], &Map::new());
        let now = DateTime::from_timestamp(1_767_225_600, 0).expect("a time");
        Look { redactor: &redactor, now, is_hollow: false }.written(result, "Write")
    }

    fn file(before: &str, after: &str) -> Value {
        let at = json!({"module_args": {"dest": "/etc/motd"}});
        json!({"changed": true, "invocation": at, "diff": [{"before": before, "after": after, "after_header": "/scratch/1/x.j2"}]})
    }

    #[test]
    fn what_comes_in_what_goes_and_what_is_there_afterwards_are_told_apart() {
        let (one, other) = (&of(&file("a\nb\n", "a\nc\n"))[0], &of(&file("z\nb\n", "z\nc\n"))[0]);
        assert_eq!((&one.added, &one.removed), (&other.added, &other.removed), "the lines around are not the task's");
        assert_ne!(one.after, other.after);
        let third = &of(&file("a\nx\n", "a\nc\n"))[0];
        assert_eq!((&one.added, &one.after, one.place.as_str()), (&third.added, &third.after, "/etc/motd"));
        assert_ne!(one.removed, third.removed);
    }

    #[test]
    fn what_is_not_shown_has_no_digest_and_a_secret_none_of_its_own() {
        let binary = json!({"changed": true, "diff": [{"src_binary": 1, "before": "x", "after": "y"}]});
        assert_eq!(of(&binary), [Written { name: "Write".to_owned(), place: "Write".to_owned(), ..Written::default() }]);
        assert_eq!(of(&json!({"censored": "hidden", "changed": true})), []);
        assert_eq!(of(&json!({"changed": true, "diff": []})), []);
        let secret = &of(&file("door: open-says-me\n", "door: open-sesame\n"))[0];
        assert!(secret.added.is_some() && secret.removed.is_none(), "{secret:?}");
    }

    #[test]
    fn items_have_places_of_their_own_and_what_a_module_adds_to_a_new_thing_is_left_out() {
        let made = |mode: &str| {
            json!({"changed": true, "invocation": {"module_args": {"path": "/a"}}, "diff": {
            "before": {"state": "absent", "path": "/a", "mode": "0755"}, "after": {"state": "directory", "path": "/a", "mode": mode}}})
        };
        let found = of(&json!({"results": [made("0700"), {"changed": false, "diff": {"before": "", "after": "x"}}]}));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found, of(&made("0755")));
    }
}

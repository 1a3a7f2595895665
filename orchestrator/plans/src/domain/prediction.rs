//! What a dry run foretold beside what the run then changed: task by task, and in what each wrote. Pure.

mod content;

use std::collections::{BTreeMap, BTreeSet};

use chiffon_protocol::message::{Preview, Written};

use self::content::Differences;

/// So many changes are named in one sentence.
const NAMED: usize = 10;
/// Agents name at most so many changes of a host; of a list that long nothing can be said to be missing.
const NAMED_BY_AGENTS: usize = 100;

/// What a run changed on one host, in all of its attempts.
#[derive(Debug, Clone, Copy)]
pub struct OnHost<'h> {
    /// The host.
    pub host: &'h str,
    /// Whether the run came to its end there.
    pub is_completed: bool,
    /// How many attempts were made there. What one has done, a later one may find done, or do again.
    pub attempts: usize,
    /// The names of the tasks that changed something, in order.
    pub changes: &'h [String],
    /// What they wrote, in order, as far as it is told.
    pub written: &'h [Written],
    /// The places, by host, in which other steps of the plan wrote.
    pub others: &'h BTreeSet<(String, String)>,
}

/// How often each task changed each host.
type Counts<'c> = BTreeMap<(&'c str, &'c str), usize>;

/// How they differ, for people; nothing where the run did what was foretold. What the dry run said it can't foretell is no difference.
pub fn differences(preview: &Preview, ran: &[OnHost<'_>]) -> Vec<String> {
    let mut foretold = Counts::new();
    for change in preview.changes.iter().filter(|change| !change.done) {
        for host in &change.hosts {
            *foretold.entry((&change.name, host)).or_default() += 1;
        }
    }
    let mut done = Counts::new();
    let mut contents = Differences::default();
    for on in ran {
        for name in on.changes {
            *done.entry((name, on.host)).or_default() += 1;
        }
        content::compare(preview, on, |name| was_open(preview, name, on.host), &mut contents);
    }
    let on = |host: &str| ran.iter().find(|on| on.host == host);
    // A try that was cut off may have made a change and told nothing of it.
    let ended = |host: &str| on(host).is_some_and(|on| on.is_completed && on.attempts == 1 && on.changes.len() < NAMED_BY_AGENTS);
    let is_single = |host: &str| on(host).is_some_and(|on| on.attempts == 1);
    // How often counts in one attempt only.
    let beyond = |(name, host): &(&str, &str), count: usize, other: &Counts<'_>| match other.get(&(*name, *host)) {
        None => true,
        Some(others) => is_single(host) && count > *others,
    };
    let more = done.iter().filter(|(key, count)| beyond(key, **count, &foretold) && !was_open(preview, key.0, key.1));
    let less = foretold.iter().filter(|(key, count)| beyond(key, **count, &done) && ended(key.1));
    let shown = |((name, host), _): (&(&str, &str), &usize)| format!("\"{name}\" on {host}");
    let sentences = [
        sentence("the run changed what the preview did not show", more.map(shown).collect()),
        sentence("the preview showed changes that the run did not make", less.map(shown).collect()),
        sentence("the run wrote something else than the preview showed", contents.other),
        sentence("the run wrote in places that the preview did not show", contents.more),
        sentence("the preview showed places in which the run wrote nothing", contents.less),
        sentence("what the run changed was not as it had been at the preview", contents.began_elsewhere),
    ];
    sentences.into_iter().flatten().collect()
}

/// Whether the dry run said that it can't foretell this.
fn was_open(preview: &Preview, name: &str, host: &str) -> bool {
    preview.not_previewed.iter().any(|what| {
        let of_task = what.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(": "));
        of_task || what.contains(&format!(" on {host}, which "))
    })
}

fn sentence(what: &str, found: Vec<String>) -> Option<String> {
    let rest = found.len().saturating_sub(NAMED);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    (!found.is_empty()).then(|| format!("{what}: {}{more}", found.into_iter().take(NAMED).collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use chiffon_protocol::message::Change;

    use super::*;

    fn preview(names: &[&str], unseen: &[&str]) -> Preview {
        let change =
            |name: &&str| Change { hosts: vec!["nas".to_owned()], name: (*name).to_owned(), diff: String::new(), ..Change::default() };
        Preview {
            changes: names.iter().map(change).collect(),
            not_previewed: unseen.iter().map(|what| (*what).to_owned()).collect(),
            ..Preview::default()
        }
    }

    fn said(preview: &Preview, is_completed: bool, changes: &[&str]) -> Vec<String> {
        let changes: Vec<String> = changes.iter().map(|name| (*name).to_owned()).collect();
        differences(
            preview,
            &[OnHost { host: "nas", is_completed, attempts: 1, changes: &changes, written: &[], others: &BTreeSet::new() }],
        )
    }

    #[test]
    fn a_run_that_did_what_was_foretold_needs_no_words() {
        assert!(said(&preview(&["Write"], &[]), true, &["Write"]).is_empty());
    }

    #[test]
    fn more_and_less_than_was_foretold_are_said_with_their_hosts() {
        let said = said(&preview(&["Write", "Restart"], &[]), true, &["Write", "Reboot"]);
        assert_eq!(
            said,
            [
                "the run changed what the preview did not show: \"Reboot\" on nas",
                "the preview showed changes that the run did not make: \"Restart\" on nas"
            ]
        );
    }

    #[test]
    fn what_could_not_be_foretold_or_was_cut_off_is_no_difference() {
        let unseen = ["Reboot", "Reload: skipped, `x` is false"];
        assert!(said(&preview(&[], &unseen), true, &["Reboot", "Reload"]).is_empty());
        assert!(said(&preview(&["Write"], &[]), false, &[]).is_empty());
        assert!(said(&preview(&[], &["every task on nas, which could not be reached"]), true, &["Write"]).is_empty());
    }

    fn written(place: &str, added: &str, removed: &str) -> Written {
        let digest = |text: &str| Some(text.to_owned());
        Written {
            name: "Write".to_owned(),
            place: place.to_owned(),
            added: digest(added),
            removed: digest(removed),
            after: digest(added),
            attributes: None,
        }
    }

    fn wrote(foretold: Vec<Written>, ran: &[Written], attempts: usize) -> Vec<String> {
        let mut preview = preview(&["Write"], &[]);
        preview.changes[0].written = foretold;
        let changes = ["Write".to_owned()];
        differences(
            &preview,
            &[OnHost { host: "nas", is_completed: true, attempts, changes: &changes, written: ran, others: &BTreeSet::new() }],
        )
    }

    #[test]
    fn other_content_other_places_and_another_state_before_are_told_apart() {
        let motd = |added: &str, removed: &str| written("/etc/motd", added, removed);
        assert!(wrote(vec![motd("a", "b")], &[motd("a", "b")], 1).is_empty());
        assert_eq!(
            wrote(vec![motd("a", "b")], &[motd("x", "b")], 1),
            ["the run wrote something else than the preview showed: \"Write\" on nas (/etc/motd)"]
        );
        assert_eq!(
            wrote(vec![motd("a", "b")], &[motd("a", "c")], 1),
            ["what the run changed was not as it had been at the preview: \"Write\" on nas (/etc/motd)"]
        );
        assert_eq!(
            wrote(vec![motd("a", "b")], &[written("/etc/issue", "a", "b")], 1),
            [
                "the run wrote in places that the preview did not show: \"Write\" on nas (/etc/issue)",
                "the preview showed places in which the run wrote nothing: \"Write\" on nas (/etc/motd)"
            ]
        );
    }

    #[test]
    fn what_is_not_told_what_an_earlier_task_wrote_and_what_a_later_attempt_repeats_is_no_difference() {
        let motd = |added: &str| written("/etc/motd", added, "b");
        assert!(wrote(Vec::new(), &[motd("x")], 1).is_empty(), "the preview tells nothing");
        assert!(wrote(vec![motd("a")], &[], 1).is_empty(), "the run tells nothing");
        let untold = Written { added: None, removed: None, after: None, ..motd("a") };
        assert!(wrote(vec![untold], &[motd("x")], 1).is_empty());
        let earlier = Written { name: "Make it".to_owned(), ..motd("y") };
        assert!(wrote(vec![motd("a")], &[earlier, motd("x")], 1).is_empty());
        let (others, changes, ran) = (BTreeSet::from([("nas".to_owned(), "/etc/motd".to_owned())]), ["Write".to_owned()], [motd("x")]);
        let mut preview = preview(&["Write"], &[]);
        preview.changes[0].written = vec![motd("a")];
        let on = OnHost { host: "nas", is_completed: true, attempts: 1, changes: &changes, written: &ran, others: &others };
        assert!(differences(&preview, &[on]).is_empty(), "a step before wrote there");
        assert!(wrote(vec![motd("a")], &[motd("a"), motd("a")], 2).is_empty());
        assert!(wrote(vec![motd("a"), written("/b", "a", "b")], &[motd("a")], 2).is_empty());
    }

    #[test]
    fn two_tasks_of_one_name_are_two_changes() {
        let twice = preview(&["Write", "Write"], &[]);
        assert!(said(&twice, true, &["Write", "Write"]).is_empty());
        assert_eq!(said(&twice, true, &["Write"]), ["the preview showed changes that the run did not make: \"Write\" on nas"]);
        assert_eq!(
            said(&preview(&["Write"], &[]), true, &["Write", "Write"]),
            ["the run changed what the preview did not show: \"Write\" on nas"]
        );
        let places = [written("/a", "x", ""), written("/a", "y", "")];
        assert!(wrote(places.to_vec(), &[places[1].clone(), places[0].clone()], 1).is_empty(), "in any order");
    }
}

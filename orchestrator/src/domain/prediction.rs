//! What a dry run foretold beside what the run then changed. Pure.

use std::collections::BTreeSet;

use chiffon_protocol::message::Preview;

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
    /// The names of the tasks that changed something.
    pub changes: &'h [String],
}

/// How they differ, for people; nothing where the run did what was foretold. What the dry run said it can't foretell is no difference.
pub fn differences(preview: &Preview, ran: &[OnHost<'_>]) -> Vec<String> {
    let foretold: BTreeSet<(&str, &str)> = preview
        .changes
        .iter()
        .filter(|change| !change.done)
        .flat_map(|change| change.hosts.iter().map(|host| (change.name.as_str(), host.as_str())))
        .collect();
    let done: BTreeSet<(&str, &str)> = ran.iter().flat_map(|on| on.changes.iter().map(move |name| (name.as_str(), on.host))).collect();
    let was_open = |name: &str, host: &str| {
        preview.not_previewed.iter().any(|what| {
            let of_task = what.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(": "));
            of_task || what.contains(&format!(" on {host}, which "))
        })
    };
    let ended = |host: &str| ran.iter().any(|on| on.host == host && on.is_completed && on.changes.len() < NAMED_BY_AGENTS);
    let more: Vec<_> = done.difference(&foretold).filter(|(name, host)| !was_open(name, host)).collect();
    let less: Vec<_> = foretold.difference(&done).filter(|(_, host)| ended(host)).collect();
    let sentence = |before: &str, found: &[&(&str, &str)], after: &str| {
        let names: Vec<String> = found.iter().take(NAMED).map(|(name, host)| format!("\"{name}\" on {host}")).collect();
        let rest = found.len().saturating_sub(NAMED);
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        (!found.is_empty()).then(|| format!("{before}{}{rest}{after}", names.join(", ")))
    };
    let sentences = [
        sentence("the run changed what the preview did not show: ", &more, ""),
        sentence("the preview showed changes that the run did not make: ", &less, ""),
    ];
    sentences.into_iter().flatten().collect()
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
        differences(preview, &[OnHost { host: "nas", is_completed, changes: &changes }])
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
}

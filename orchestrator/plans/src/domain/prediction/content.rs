//! What a run wrote beside what its dry run showed, place by place. Pure.
//!
//! Claimed is only what both of them tell: a missing digest is no difference. Where an earlier task of the run, or another step, wrote in
//! the same place, check mode had another state before it than the run, and contents are not compared.

use chiffon_protocol::message::{Preview, Written};

use super::OnHost;

/// How one host's writing differs, each as `"task" on host (place)`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// Other content than was shown.
    pub(super) other: Vec<String>,
    /// What was shown, but in the place of something else.
    pub(super) began_elsewhere: Vec<String>,
    /// In places that were not shown.
    pub(super) more: Vec<String>,
    /// Shown, and left as it was.
    pub(super) less: Vec<String>,
}

/// Adds the differences on one host. `was_open`: what the dry run said it can't foretell of a task.
pub(super) fn compare(preview: &Preview, on: &OnHost<'_>, was_open: impl Fn(&str) -> bool, into: &mut Differences) {
    let mut names: Vec<&str> = on.written.iter().map(|written| written.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names.into_iter().filter(|name| !was_open(name)) {
        let changes =
            preview.changes.iter().filter(|change| !change.done && change.name == name && change.hosts.iter().any(|of| of == on.host));
        let told: Vec<&[Written]> = changes.map(|change| change.written.as_slice()).collect();
        if !told.is_empty() && told.iter().all(|written| !written.is_empty()) {
            of_task(on, name, &told.concat(), into);
        }
    }
}

fn of_task(on: &OnHost<'_>, name: &str, foretold: &[Written], into: &mut Differences) {
    let shown = |place: &str| format!("\"{name}\" on {} ({place})", on.host);
    let mut open: Vec<&Written> = foretold.iter().collect();
    let mut unlike: Vec<(usize, &Written)> = Vec::new();
    let ran = on.written.iter().enumerate().filter(|(_, written)| written.name == name);
    for (at, written) in ran {
        match open.iter().position(|before| before.place == written.place && is_like(before, written)) {
            Some(same) => drop(open.remove(same)),
            // A later attempt writes again what the one before had written.
            None if on.attempts > 1 && foretold.iter().any(|before| before.place == written.place && is_like(before, written)) => {}
            None => unlike.push((at, written)),
        }
    }
    for (at, written) in unlike {
        let Some(before) = open.iter().position(|before| before.place == written.place).map(|at| open.remove(at)) else {
            if !foretold.iter().any(|before| before.place == written.place) {
                into.more.push(shown(&written.place));
            }
            continue;
        };
        let by_another_step = on.others.iter().any(|(host, place)| host == on.host && *place == written.place);
        if by_another_step || on.written[..at].iter().any(|earlier| earlier.place == written.place && earlier.name != name) {
            continue;
        }
        match of_pair(before, written) {
            Some(false) => into.other.push(shown(&written.place)),
            Some(true) => into.began_elsewhere.push(shown(&written.place)),
            None => {}
        }
    }
    if on.is_completed && on.attempts == 1 {
        into.less.extend(open.iter().map(|before| shown(&before.place)));
    }
}

fn is_like(one: &Written, other: &Written) -> bool {
    of_pair(one, other).is_none()
}

/// Nothing where they do the same as far as both tell it; else whether it is at least the same that came in, or came out of it.
fn of_pair(before: &Written, ran: &Written) -> Option<bool> {
    let same = |one: &Option<String>, other: &Option<String>| one.as_ref().zip(other.as_ref()).map(|(one, other)| one == other);
    if same(&before.attributes, &ran.attributes) == Some(false) {
        return Some(false);
    }
    let (added, removed) = (same(&before.added, &ran.added), same(&before.removed, &ran.removed));
    match (added, removed) {
        (Some(false), _) => Some(same(&before.after, &ran.after) == Some(true)),
        (_, Some(false)) => Some(true),
        _ => None,
    }
}

//! A plan, and what became of it, in one sentence and a few figures, for those who have little room: a chat, a notification, a telephone.

use chiffon_plans::domain::plan::Step;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What the dry runs of a plan foretell, in figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub struct DiffStat {
    /// Changes that are still to be made; the same on several hosts is one.
    pub changes: usize,
    /// Lines that come, in the files of these changes.
    pub lines_added: usize,
    /// Lines that go.
    pub lines_removed: usize,
    /// What was done for real already, in a dry run.
    pub done: usize,
    /// Ansible tasks that could not be previewed.
    pub not_previewed: usize,
    /// Steps that change something and have no dry run that ended well.
    pub steps_unseen: usize,
}

impl DiffStat {
    /// Adds what the dry run of a step says.
    pub fn add(&mut self, step: &Step, preview: &Value) {
        let changes = preview["changes"].as_array().map_or(&[][..], Vec::as_slice);
        let done = changes.iter().filter(|change| change["done"] == true).count();
        self.done += done;
        self.changes += changes.len() - done;
        let to_come = changes.iter().filter(|change| change["done"] != true);
        for line in to_come.filter_map(|change| change["diff"].as_str()).flat_map(str::lines) {
            // The names of the files are no lines of theirs.
            self.lines_added += usize::from(line.starts_with('+') && !line.starts_with("+++ "));
            self.lines_removed += usize::from(line.starts_with('-') && !line.starts_with("--- "));
        }
        self.not_previewed += preview["not_previewed"].as_array().map_or(0, Vec::len);
        self.steps_unseen += usize::from(changes_something(step) && preview["status"] != "done");
    }

    fn sentence(&self) -> String {
        let lines = match (self.lines_added, self.lines_removed) {
            (0, 0) => String::new(),
            (added, removed) => format!(" (+{added} −{removed})"),
        };
        let unseen = match (self.not_previewed, self.steps_unseen) {
            (0, 0) => String::new(),
            (0, steps) => format!(", and {} without a dry run", counted(steps, "step")),
            (tasks, 0) => format!(", and {} that could not be previewed", counted(tasks, "task")),
            (tasks, steps) => {
                format!(", and {} that could not be previewed and {} without a dry run", counted(tasks, "task"), counted(steps, "step"))
            }
        };
        format!("{}{lines}{unseen}", counted(self.changes, "change"))
    }
}

fn changes_something(step: &Step) -> bool {
    step.risk != chiffon_protocol::action::Risk::ReadOnly
}

/// Hosts of all steps, each once, in their order.
pub fn hosts<'s>(steps: impl Iterator<Item = &'s Step>) -> Vec<String> {
    let mut hosts: Vec<String> = steps.flat_map(|step| step.hosts.iter().cloned()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// "2 steps on nas, web1 and 3 more, risk high: 4 changes (+12 −3)".
pub fn sentence(steps: usize, hosts: &[String], risk: &str, stat: &DiffStat) -> String {
    format!("{}{}, risk {}: {}", counted(steps, "step"), on(hosts), risk.replace('_', " "), stat.sentence())
}

/// " on nas, web1 and 3 more".
fn on(hosts: &[String]) -> String {
    const NAMED: usize = 3;
    match hosts {
        [] => String::new(),
        few if few.len() <= NAMED => format!(" on {}", few.join(", ")),
        many => format!(" on {} and {} more", many[..NAMED].join(", "), many.len() - NAMED),
    }
}

/// What was changed, in one sentence: "2 changes on nas, web1"; each name is a host, as often as something of it was changed.
pub fn changed(hosts: &[String]) -> String {
    if hosts.is_empty() {
        return "nothing was changed".to_owned();
    }
    let mut each = hosts.to_vec();
    each.sort_unstable();
    each.dedup();
    format!("{}{}", counted(hosts.len(), "change"), on(&each))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_hosts_are_counted_and_what_was_not_seen_is_said() {
        let hosts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let stat = DiffStat { changes: 1, lines_added: 4, lines_removed: 0, ..DiffStat::default() };
        assert_eq!(sentence(1, &hosts(&["nas"]), "low", &stat), "1 step on nas, risk low: 1 change (+4 −0)");
        assert_eq!(changed(&[]), "nothing was changed");
        assert_eq!(changed(&hosts(&["nas", "nas", "a"])), "3 changes on a, nas");
        let stat = DiffStat { not_previewed: 2, steps_unseen: 1, ..DiffStat::default() };
        assert_eq!(
            sentence(2, &hosts(&["a", "b", "c", "d", "e"]), "read_only", &stat),
            "2 steps on a, b, c and 2 more, risk read only: 0 changes, and 2 tasks that could not be previewed and 1 step without a dry run"
        );
    }
}

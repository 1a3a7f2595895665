//! What a dry run found: changes, the same ones on several hosts told once, and what could not be previewed.

use chiffon_protocol::message::{Change, Preview};

/// A preview as it grows.
#[derive(Debug, Default)]
pub(super) struct Previewing {
    results: u32,
    shown: u32,
    hidden: u32,
    changes: Vec<Change>,
    not_previewed: Vec<String>,
}

impl Previewing {
    /// A task that would change a host.
    pub(super) fn change(&mut self, host: &str, name: &str, diff: &str) {
        self.results += 1;
        self.shown += 1;
        match self.changes.iter_mut().find(|change| change.name == name && change.diff == diff) {
            Some(same) => same.hosts.push(host.to_owned()),
            None => self.changes.push(Change { hosts: vec![host.to_owned()], name: name.to_owned(), diff: diff.to_owned() }),
        }
    }

    /// A task that would change nothing.
    pub(super) fn unchanged(&mut self) {
        self.results += 1;
        self.shown += 1;
    }

    /// A task that would not run at all; it counts as previewed.
    pub(super) fn skipped(&mut self) {
        self.results += 1;
    }

    /// A task that check mode can't look into.
    pub(super) fn unknown(&mut self, name: &str) {
        self.results += 1;
        self.hidden += 1;
        if !self.not_previewed.iter().any(|known| known == name) {
            self.not_previewed.push(name.to_owned());
        }
    }

    /// The preview.
    pub(super) fn finish(mut self) -> Preview {
        for change in &mut self.changes {
            // Hosts answer in any order.
            change.hosts.sort_unstable();
        }
        let relevant = self.shown + self.hidden;
        let coverage = if relevant == 0 { 1.0 } else { f64::from(self.shown) / f64::from(relevant) };
        Preview { coverage, tasks: self.results, changes: self.changes, not_previewed: self.not_previewed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_change_on_several_hosts_is_told_once() {
        let mut previewing = Previewing::default();
        for host in ["a", "b"] {
            previewing.change(host, "Write", "+x\n");
            previewing.unknown("Restart");
            previewing.skipped();
        }
        previewing.change("c", "Write", "+y\n");
        previewing.unchanged();
        let preview = previewing.finish();
        assert_eq!(preview.changes.len(), 2);
        assert_eq!(preview.changes[0].hosts, ["a", "b"]);
        assert_eq!(preview.not_previewed, ["Restart"]);
        assert_eq!(preview.tasks, 8);
        assert!((preview.coverage - 4.0 / 6.0).abs() < 1e-9);
    }
}

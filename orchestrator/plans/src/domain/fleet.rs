//! The hosts and groups that agents have in their inventories, and by which names people may call them. Read once, asked often: what is
//! looked up stands in indexes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What all inventories know together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fleet {
    groups: BTreeMap<String, BTreeSet<String>>,
    hosts: BTreeSet<String>,
    exact: HashSet<String>,
    /// By the name in lower case, and by what stands before its domain.
    lower: HashMap<String, BTreeSet<String>>,
    short: HashMap<String, BTreeSet<String>>,
}

impl Fleet {
    /// Of groups with their hosts, canonical names; `all` holds every host.
    pub fn new(groups: BTreeMap<String, BTreeSet<String>>) -> Self {
        let hosts: BTreeSet<String> = groups.values().flatten().cloned().collect();
        let mut fleet = Self { hosts, ..Self::default() };
        for name in groups.keys().chain(&fleet.hosts).filter(|name| *name != "all") {
            if let Some((short, _)) = name.split_once('.').filter(|(short, _)| !short.chars().all(|c| c.is_ascii_digit())) {
                fleet.short.entry(short.to_lowercase()).or_default().insert(name.clone());
            }
            fleet.lower.entry(name.to_lowercase()).or_default().insert(name.clone());
            fleet.exact.insert(name.clone());
        }
        fleet.groups = groups;
        fleet
    }

    /// Group name to its hosts.
    pub fn groups(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.groups
    }

    /// Every host.
    pub fn hosts(&self) -> &BTreeSet<String> {
        &self.hosts
    }

    /// The hosts that a name stands for: itself, or a group's members; `None` when nobody knows it.
    pub fn resolve(&self, name: &str) -> Option<BTreeSet<String>> {
        if self.hosts.contains(name) {
            return Some(BTreeSet::from([name.to_owned()]));
        }
        self.groups.get(name).cloned()
    }

    /// The hosts and groups that a word fits: one of just this name, else those in another case, else those without their domain. Not
    /// `all`, which is a word of the language.
    pub fn called(&self, word: &str) -> Vec<String> {
        if self.exact.contains(word) {
            return vec![word.to_owned()];
        }
        let lower = word.to_lowercase();
        let found = self.lower.get(&lower).or_else(|| self.short.get(&lower));
        found.into_iter().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_people_write_them() {
        let group = |name: &str, hosts: &[&str]| (name.to_owned(), hosts.iter().map(|host| (*host).to_owned()).collect());
        let fleet = Fleet::new(BTreeMap::from([
            group("all", &["nas", "NAS2.lan", "web.one.lan", "web.two.lan", "10.0.0.7"]),
            group("Webs", &["web.one.lan", "web.two.lan"]),
        ]));
        for (word, found) in [
            ("nas", &["nas"][..]),
            ("NAS", &["nas"]),
            ("nas2", &["NAS2.lan"]),
            ("web", &["web.one.lan", "web.two.lan"]),
            ("web.one.lan", &["web.one.lan"]),
            ("webs", &["Webs"]),
            ("10", &[]),
            ("all", &[]),
            ("nobody", &[]),
        ] {
            assert_eq!(fleet.called(word), found, "{word}");
        }
        assert_eq!(fleet.hosts().len(), 5);
        assert_eq!(fleet.resolve("Webs").map(|members| members.len()), Some(2));
        assert_eq!(fleet.resolve("webs"), None);
    }
}

//! What could be planned: the actions that connected agents announce, and the hosts they know.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_protocol::ActionSpec;

/// One action's newest version with who has it.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueAction {
    /// What its action.yml says.
    pub spec: ActionSpec,
    /// Its content hash.
    pub sha256: String,
}

/// The actions, by name. Where agents differ, the newest enrolled content wins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    actions: BTreeMap<String, CatalogueAction>,
}

impl Catalogue {
    /// A catalogue of these actions.
    pub fn new(actions: impl IntoIterator<Item = CatalogueAction>) -> Self {
        Self { actions: actions.into_iter().map(|action| (action.spec.name.clone(), action)).collect() }
    }

    /// The action of this name.
    pub fn get(&self, name: &str) -> Option<&CatalogueAction> {
        self.actions.get(name)
    }

    /// All actions, by name.
    pub fn iter(&self) -> impl Iterator<Item = &CatalogueAction> {
        self.actions.values()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }
}

/// The hosts and groups that agents have in their inventories.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fleet {
    /// Group name to its hosts, canonical names; `all` holds every host.
    pub groups: BTreeMap<String, BTreeSet<String>>,
}

impl Fleet {
    /// Every host.
    pub fn hosts(&self) -> BTreeSet<String> {
        self.groups.values().flatten().cloned().collect()
    }

    /// The hosts that a name stands for: itself, or a group's members; `None` when nobody knows it.
    pub fn resolve(&self, name: &str) -> Option<BTreeSet<String>> {
        if self.hosts().contains(name) {
            return Some(BTreeSet::from([name.to_owned()]));
        }
        self.groups.get(name).cloned()
    }
}

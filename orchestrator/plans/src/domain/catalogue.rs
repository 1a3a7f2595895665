//! What could be planned: the actions that connected agents announce, and the hosts they know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chiffon_protocol::ActionSpec;

use super::not_offered::NotOffered;

/// One action's newest version with who has it.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueAction {
    /// What its action.yml says.
    pub spec: Arc<ActionSpec>,
    /// Its content hash.
    pub sha256: String,
}

/// A version of an action that an agent has, and the hosts that this agent reaches.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// The action as this agent has it.
    pub action: CatalogueAction,
    /// Canonical names.
    pub hosts: Arc<BTreeSet<String>>,
}

/// The actions, by name. Where agents differ, the newest enrolled content wins; only where its agents do not reach the hosts, another
/// version that says the same of itself, as on a machine with another Ansible.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    actions: BTreeMap<String, CatalogueAction>,
    versions: BTreeMap<String, Vec<Version>>,
    not_offered: Vec<NotOffered>,
}

impl Catalogue {
    /// A catalogue of these actions.
    pub fn new(actions: impl IntoIterator<Item = CatalogueAction>) -> Self {
        let actions = actions.into_iter().map(|action| (action.spec.name.clone(), action)).collect();
        Self { actions, versions: BTreeMap::new(), not_offered: Vec::new() }
    }

    /// With what each agent has. Versions that differ in more than in what they run with are left out.
    #[must_use]
    pub fn with_versions(mut self, versions: impl IntoIterator<Item = Version>) -> Self {
        for version in versions {
            let name = &version.action.spec.name;
            if self.actions.get(name).is_some_and(|newest| says_the_same(&newest.spec, &version.action.spec)) {
                self.versions.entry(name.clone()).or_default().push(version);
            }
        }
        self
    }

    /// The version of an action for these hosts: the newest, unless only agents with another one reach them.
    pub fn for_hosts(&self, name: &str, hosts: &[String]) -> Option<&CatalogueAction> {
        let newest = self.actions.get(name)?;
        let versions = self.versions.get(name).map(Vec::as_slice).unwrap_or_default();
        let reaching: Vec<&Version> = versions.iter().filter(|version| hosts.iter().all(|host| version.hosts.contains(host))).collect();
        let has_newest = reaching.iter().any(|version| version.action.sha256 == newest.sha256);
        Some(reaching.first().filter(|_| !has_newest).map_or(newest, |version| &version.action))
    }

    /// The version of an action with this content, where an agent has it.
    pub fn version(&self, name: &str, sha256: &str) -> Option<&CatalogueAction> {
        let others = self.versions.get(name).into_iter().flatten().map(|version| &version.action);
        self.actions.get(name).into_iter().chain(others).find(|action| action.sha256 == sha256)
    }

    /// The same with what agents have and do not offer. What another agent offers is offered.
    #[must_use]
    pub fn with_not_offered(mut self, not_offered: Vec<NotOffered>) -> Self {
        self.not_offered = not_offered.into_iter().filter(|action| !self.actions.contains_key(&action.name)).collect();
        self
    }

    /// What no agent offers although one has it.
    pub fn not_offered(&self) -> &[NotOffered] {
        &self.not_offered
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

fn says_the_same(one: &Arc<ActionSpec>, other: &Arc<ActionSpec>) -> bool {
    if Arc::ptr_eq(one, other) {
        return true;
    }
    let plain = |spec: &ActionSpec| ActionSpec { runs_with: BTreeMap::new(), ..spec.clone() };
    plain(one) == plain(other)
}

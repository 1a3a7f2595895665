//! For what a role was given: hosts by their group, and actions. Every role is given for everything today.

/// How far a role reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Only hosts of this group of the inventory; `None` for all.
    pub host_group: Option<String>,
    /// Only this action; `None` for all.
    pub action: Option<String>,
}

/// One thing that is done: what it is done to, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'t> {
    /// The groups of the host; empty where it is not one host.
    pub host_groups: &'t [&'t str],
    /// The action; `None` where it is not one action.
    pub action: Option<&'t str>,
}

impl Target<'static> {
    /// No host and no action in particular: only who may everywhere may do it.
    pub const ALL: Self = Self { host_groups: &[], action: None };
}

impl Scope {
    /// Every host, every action.
    pub const EVERYWHERE: Self = Self { host_group: None, action: None };

    /// Whether this lies within it.
    pub fn covers(&self, target: Target<'_>) -> bool {
        let host = self.host_group.as_deref().is_none_or(|group| target.host_groups.contains(&group));
        host && self.action.as_deref().is_none_or(|action| target.action == Some(action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_what_lies_in_all_of_it() {
        let both = Scope { host_group: Some("web".to_owned()), action: Some("restart_service".to_owned()) };
        assert!(both.covers(Target { host_groups: &["all", "web"], action: Some("restart_service") }));
        for target in [
            Target { host_groups: &["all"], action: Some("restart_service") },
            Target { host_groups: &["web"], action: Some("deploy_kuma") },
            Target { host_groups: &["web"], action: None },
            Target::ALL,
        ] {
            assert!(!both.covers(target) && Scope::EVERYWHERE.covers(target), "{target:?}");
        }
    }
}

//! What of a plan somebody may not do: step by step and host by host, because a permission may be held for some hosts, actions and risks. Pure.
//!
//! The groups of a host are those of the inventories as agents have them now.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_kernel::domain::permission::Permission;
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::domain::scope::Target;
use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::plan::{Phase, Step};
use chiffon_protocol::action::Risk;
use serde::Serialize;
use utoipa::ToSchema;

/// Something of a plan that somebody may not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Uncovered {
    /// The step.
    pub step_id: String,
    /// What it does.
    pub title: String,
    /// On which host; null where it names none.
    pub host: Option<String>,
    /// By which action.
    pub action: String,
    /// How much harm that can do.
    #[schema(value_type = String)]
    pub risk: Risk,
}

impl Uncovered {
    /// In words, to go on after "for".
    pub fn told(&self) -> String {
        let host = self.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
        format!("`{}` ({}): the action {}{host}, risk {}", self.step_id, self.title, self.action, self.risk.as_str())
    }
}

/// The steps that somebody's word lets run: those that come after an approval and are not left out; of a plan that has none, all.
pub fn to_run<'s>(steps: impl IntoIterator<Item = &'s Step>, left_out: &[String]) -> Vec<&'s Step> {
    let kept: Vec<&Step> = steps.into_iter().filter(|step| !left_out.contains(&step.step_id)).collect();
    let after: Vec<&Step> = kept.iter().copied().filter(|step| step.phase == Phase::Apply).collect();
    if after.is_empty() { kept } else { after }
}

/// What of these steps this principal may not do.
pub fn uncovered(principal: &Principal, permission: &Permission, steps: &[&Step], fleet: &Fleet) -> Vec<Uncovered> {
    if principal.may_everywhere(permission) {
        return Vec::new();
    }
    let mut known: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut found = Vec::new();
    for step in steps {
        let not = |host: Option<&String>| Uncovered {
            step_id: step.step_id.clone(),
            title: step.title.clone(),
            host: host.cloned(),
            action: step.action().to_owned(),
            risk: step.risk,
        };
        if step.hosts.is_empty() && !principal.may(permission, target(step, &[])) {
            found.push(not(None));
        }
        for host in &step.hosts {
            let places = known.entry(host).or_insert_with(|| places(host, fleet));
            if !principal.may(permission, target(step, places)) {
                found.push(not(Some(host)));
            }
        }
    }
    found
}

fn target<'t>(step: &'t Step, places: &'t [&'t str]) -> Target<'t> {
    Target { places, action: Some(step.action()), risk: Some(step.risk) }
}

/// A host and its groups.
fn places<'p>(host: &'p str, fleet: &'p Fleet) -> Vec<&'p str> {
    let groups = fleet.groups().iter().filter(|(_, members)| members.contains(host)).map(|(group, _)| group.as_str());
    std::iter::once(host).chain(groups).collect()
}

/// The steps to leave out so that what is left may be approved, or nothing where nothing would be left: those that are not covered, and
/// whatever needs one of them.
pub fn to_leave_out(steps: &[&Step], uncovered: &[Uncovered]) -> Vec<String> {
    let mut out: BTreeSet<&str> = uncovered.iter().map(|step| step.step_id.as_str()).collect();
    loop {
        let more: Vec<&str> = steps
            .iter()
            .filter(|step| !out.contains(step.step_id.as_str()) && step.depends_on.iter().any(|on| out.contains(on.as_str())))
            .map(|step| step.step_id.as_str())
            .collect();
        if more.is_empty() {
            break;
        }
        out.extend(more);
    }
    let something_is_left = steps.iter().any(|step| step.phase == Phase::Apply && !out.contains(step.step_id.as_str()));
    let can_be = steps.iter().all(|step| step.phase == Phase::Apply || !out.contains(step.step_id.as_str()));
    if something_is_left && can_be { out.into_iter().map(ToOwned::to_owned).collect() } else { Vec::new() }
}

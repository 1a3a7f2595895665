//! Standing approvals: whose requests one covers, and when those that there are suffice for a plan. Pure.

use std::collections::BTreeSet;

use chiffon_kernel::domain::role::Principal;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::origin::Origin;
use super::permissions::{APPROVALS_STAND, REQUESTS_APPROVE};

/// Whose requests a standing approval covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those that this principal asks, however they do.
    Requester(Uuid),
    /// Those that something of these kinds has begun, in whoever's name.
    Origin(Vec<String>),
    /// Everybody's.
    Any,
}

/// The word for a [`Scope`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// Requests of the one who asked for the plan on which it was given.
    #[default]
    Requester,
    /// Requests that something of the named kinds has begun.
    Origin,
    /// Everybody's requests.
    Any,
}

impl ScopeKind {
    /// The word in the database and over HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Origin => "origin",
            Self::Any => "any",
        }
    }
}

impl Scope {
    /// Its word.
    pub fn kind(&self) -> ScopeKind {
        match self {
            Self::Requester(_) => ScopeKind::Requester,
            Self::Origin(_) => ScopeKind::Origin,
            Self::Any => ScopeKind::Any,
        }
    }

    /// Who has to have asked.
    pub fn requester_id(&self) -> Option<Uuid> {
        match self {
            Self::Requester(id) => Some(*id),
            Self::Origin(_) | Self::Any => None,
        }
    }

    /// The kinds of what has to have begun the request.
    pub fn origin_kinds(&self) -> Option<&[String]> {
        match self {
            Self::Origin(kinds) => Some(kinds),
            Self::Requester(_) | Self::Any => None,
        }
    }

    /// Whether a request of this principal and this origin lies within it.
    pub fn covers(&self, asker: Uuid, origin: &Origin) -> bool {
        match self {
            Self::Requester(id) => *id == asker,
            Self::Origin(kinds) => kinds.iter().any(|kind| kind == origin.kind()),
            Self::Any => true,
        }
    }
}

/// A standing approval that is neither withdrawn nor expired, of the very steps that are to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its id.
    pub id: Uuid,
    /// Who stands for it, as they are now.
    pub given_by: Principal,
    /// Whose requests it covers.
    pub scope: Scope,
    /// From then on it counts no more.
    pub expires_at: DateTime<Utc>,
}

/// The request whose plan is to run.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who asked.
    pub principal_id: Uuid,
    /// What began it.
    pub origin: &'a Origin,
    /// Who may not be one of its approvers, because they said a word of it; empty where the policy lets them.
    pub authors: &'a [Uuid],
}

/// As many of these as a plan needs, each by another person; `None` where they do not suffice. Whoever could not approve anything today
/// does not stand for it either; whether they could approve these steps is looked at before.
pub fn enough(standing: Vec<Standing>, asked: Asked<'_>, needed: usize) -> Option<Vec<Standing>> {
    let mut people = BTreeSet::new();
    let counts = |one: &Standing| {
        let may = |permission| one.given_by.may_somewhere(permission);
        one.scope.covers(asked.principal_id, asked.origin)
            && may(&REQUESTS_APPROVE)
            && may(&APPROVALS_STAND)
            && !asked.authors.contains(&one.given_by.id)
    };
    let chosen: Vec<Standing> = standing.into_iter().filter(|one| counts(one) && people.insert(one.given_by.id)).take(needed).collect();
    (needed > 0 && chosen.len() == needed).then_some(chosen)
}

#[cfg(test)]
mod tests {
    use chiffon_kernel::domain::role::Role;

    use super::*;

    fn by(number: u128, role: Role, is_program: bool, scope: Scope) -> Standing {
        let given_by = Principal { id: Uuid::from_u128(number), name: format!("p{number}"), role, grants: Vec::new(), is_program };
        Standing { id: Uuid::from_u128(100 + number), given_by, scope, expires_at: DateTime::UNIX_EPOCH }
    }

    fn chosen(standing: &[Standing], authors: &[Uuid], needed: usize) -> Option<Vec<u128>> {
        let origin = Origin::of("schedule", "nightly").expect("an origin");
        let asked = Asked { principal_id: Uuid::from_u128(1), origin: &origin, authors };
        enough(standing.to_vec(), asked, needed).map(|chosen| chosen.iter().map(|one| one.given_by.id.as_u128()).collect())
    }

    #[test]
    fn it_takes_as_many_people_as_the_plan_needs() {
        let (bob, eve) = (by(2, Role::Approver, false, Scope::Any), by(3, Role::Admin, false, Scope::Any));
        assert_eq!(chosen(std::slice::from_ref(&bob), &[], 1), Some(vec![2]));
        assert_eq!(chosen(&[bob.clone(), bob.clone()], &[], 2), None, "one person counts once");
        assert_eq!(chosen(&[bob.clone(), eve.clone()], &[], 2), Some(vec![2, 3]));
        assert_eq!(chosen(&[bob.clone(), eve.clone()], &[bob.given_by.id], 1), Some(vec![3]));
        assert_eq!(chosen(&[bob.clone(), eve], &[bob.given_by.id], 2), None, "an author does not count");
        assert_eq!(chosen(&[bob], &[], 0), None, "what needs nobody runs under nobody's word");
    }

    #[test]
    fn who_may_not_approve_any_more_does_not_stand_for_anything() {
        for lesser in [Role::Viewer, Role::Requester, Role::Operator] {
            assert_eq!(chosen(&[by(2, lesser, false, Scope::Any)], &[], 1), None, "{lesser:?}");
        }
        assert_eq!(chosen(&[by(2, Role::Admin, true, Scope::Any)], &[], 1), None, "a program never does");
    }

    #[test]
    fn it_covers_whom_it_was_given_for() {
        let origin = |kinds: &[&str]| Scope::Origin(kinds.iter().map(|kind| (*kind).to_owned()).collect());
        for (scope, covers) in [
            (Scope::Any, true),
            (Scope::Requester(Uuid::from_u128(1)), true),
            (Scope::Requester(Uuid::from_u128(9)), false),
            (origin(&["webhook", "schedule"]), true),
            (origin(&["webhook"]), false),
        ] {
            assert_eq!(chosen(&[by(2, Role::Approver, false, scope.clone())], &[], 1).is_some(), covers, "{scope:?}");
        }
    }
}

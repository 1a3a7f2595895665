//! Permissions: what one may do, declared by the part in which it is done. A role is the set of those that name it; a program's set is
//! without what only people may do. Who holds what is decided in one place, [`Permission::is_held_by`], for sets and for their use.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};

use super::role::{Grant, Principal, Role};
use super::scope::Target;

/// Whether programs may hold a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Programs {
    /// Like people of the same role.
    Hold,
    /// No: it is a person's word that counts. The sets of programs are made without it.
    LeftOut,
    /// Never, and no role with it is given to a program, because it would promise what it does not give.
    Refused,
}

/// For what a permission can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// For everything or not at all: a role that was given for a part does not give it.
    Everywhere,
    /// Also for some hosts, actions and risks: what uses it looks at what it is used for.
    Parts,
}

/// Something that one may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// What it is about, and what is done: `requests.approve`.
    pub name: &'static str,
    /// What it lets one do, to go on after "may".
    pub lets: &'static str,
    /// The roles whose sets have it, least first.
    pub roles: &'static [Role],
    /// Whether programs may hold it.
    pub programs: Programs,
    /// For what it can be held.
    pub reach: Reach,
}

impl Permission {
    /// Whether the set of this role has it, a person's or a program's.
    pub fn is_held_by(&self, role: Role, is_program: bool) -> bool {
        self.roles.contains(&role) && (!is_program || self.programs == Programs::Hold)
    }

    /// The least role that has it, for people who look for somebody.
    pub fn least(&self) -> Role {
        self.roles.first().copied().unwrap_or(Role::Admin)
    }

    /// What programs read of a refusal.
    pub fn details(&self, principal: &Principal) -> Value {
        json!({"role": principal.role, "needed": self.least(), "permission": self.name, "roles": self.roles})
    }

    /// Why somebody may not ([`ErrorCode::Forbidden`]).
    pub fn refused(&self, principal: &Principal) -> Problem {
        let (name, needed) = (&principal.name, self.least().as_str());
        let lets = format!("{} (`{}`)", self.lets, self.name);
        let message = if self.roles.contains(&principal.role) && principal.is_program {
            format!("`{name}` is a program, and programs may never {lets}; a person with the role `{needed}` has to")
        } else if principal.may_somewhere(self) {
            format!("`{name}` may not {lets} here: it was given to them for other hosts, actions or risks")
        } else {
            let has = principal.role.as_str();
            format!("`{name}` may not {lets}: that needs the role `{needed}`, and theirs is `{has}`; ask somebody who has it")
        };
        Problem::new(ErrorCode::Forbidden, message).with_details(self.details(principal))
    }
}

impl Principal {
    /// Whether they hold it for this: by their role everywhere, or by what they were given beside.
    pub fn may(&self, permission: &Permission, target: Target<'_>) -> bool {
        self.may_everywhere(permission) || self.parts(permission).any(|grant| grant.scope.covers(target))
    }

    /// Whether they hold it for everything.
    pub fn may_everywhere(&self, permission: &Permission) -> bool {
        permission.is_held_by(self.role, self.is_program)
    }

    /// Whether they hold it for anything at all, where it is not known yet for what.
    pub fn may_somewhere(&self, permission: &Permission) -> bool {
        self.may_everywhere(permission) || self.parts(permission).next().is_some()
    }

    /// What they were given beside their role that has this permission.
    fn parts(&self, permission: &Permission) -> impl Iterator<Item = &Grant> {
        let can_be = permission.reach == Reach::Parts;
        self.grants.iter().filter(move |grant| can_be && permission.is_held_by(grant.role, self.is_program))
    }

    /// Refuses who does not hold it for anything at all; for what exactly is looked at where it is known.
    pub fn check_somewhere(&self, permission: &Permission) -> Result<(), Problem> {
        if self.may_somewhere(permission) { Ok(()) } else { Err(permission.refused(self)) }
    }

    /// Refuses who does not hold it for this.
    pub fn check(&self, permission: &Permission, target: Target<'_>) -> Result<(), Problem> {
        if self.may(permission, target) { Ok(()) } else { Err(permission.refused(self)) }
    }
}

/// Every permission that the parts of an orchestrator have declared.
#[derive(Debug, Default)]
pub struct Permissions(RwLock<BTreeMap<&'static str, Permission>>);

impl Permissions {
    /// Takes in what a part declares.
    pub fn declare(&self, declared: &[Permission]) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(declared.iter().map(|permission| (permission.name, *permission)));
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Permission> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<Permission> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// The set of a role, a person's or a program's, by name.
    pub fn set(&self, role: Role, is_program: bool) -> Vec<&'static str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.values().filter(|permission| permission.is_held_by(role, is_program)).map(|permission| permission.name).collect()
    }

    /// Everything that somebody may do, for anything at all, by name.
    pub fn held_by(&self, principal: &Principal) -> Vec<&'static str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.values().filter(|permission| principal.may_somewhere(permission)).map(|permission| permission.name).collect()
    }

    /// Whether a role that is given for a part gives anything.
    pub fn any_for_a_part(&self, role: Role, is_program: bool) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.values().any(|permission| permission.reach == Reach::Parts && permission.is_held_by(role, is_program))
    }

    /// The first that the set of a role has and somebody does not hold everywhere: they can't give that role.
    pub fn beyond(&self, giver: &Principal, role: Role, is_program: bool) -> Option<Permission> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.values().find(|permission| permission.is_held_by(role, is_program) && !giver.may_everywhere(permission)).copied()
    }

    /// Refuses to make a program's set of a role that has what no program may hold; says in words which roles it can have.
    pub fn check_program(&self, role: Role) -> Result<(), String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() {
            return Err("what a program may hold is not known yet: no part has declared its permissions".to_owned());
        }
        let refused = |role: Role| known.values().find(|held| held.programs == Programs::Refused && held.roles.contains(&role));
        let Some(never) = refused(role) else { return Ok(()) };
        let others: Vec<&str> = Role::ALL.into_iter().filter(|other| refused(*other).is_none()).map(Role::as_str).collect();
        let (word, lets, name) = (role.as_str(), never.lets, never.name);
        Err(format!("a program can't be {word}: programs never {lets} (`{name}`). Give it one of {}", others.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use chiffon_protocol::action::Risk;
    use uuid::Uuid;

    use super::*;
    use crate::domain::scope::Scope;

    const LIGHT: Permission = Permission {
        name: "lamps.light",
        lets: "light lamps",
        roles: Role::Requester.and_above(),
        programs: Programs::Hold,
        reach: Reach::Parts,
    };
    const SWEAR: Permission = Permission {
        name: "lamps.swear",
        lets: "swear that a lamp burns",
        roles: Role::Requester.and_above(),
        programs: Programs::LeftOut,
        reach: Reach::Everywhere,
    };
    const BLESS: Permission = Permission {
        name: "lamps.bless",
        lets: "bless lamps",
        roles: Role::Approver.and_above(),
        programs: Programs::Refused,
        reach: Reach::Parts,
    };

    fn somebody(role: Role, is_program: bool) -> Principal {
        Principal { id: Uuid::nil(), name: "ann".to_owned(), role, grants: Vec::new(), is_program }
    }

    #[test]
    fn a_role_is_the_set_of_what_names_it_and_a_programs_set_has_less() {
        let known = Permissions::default();
        assert!(known.check_program(Role::Viewer).is_err(), "nothing is given before it is known what");
        known.declare(&[LIGHT, SWEAR]);
        known.declare(&[BLESS, LIGHT]);
        assert_eq!(known.set(Role::Viewer, false), Vec::<&str>::new());
        assert_eq!(known.set(Role::Operator, false), ["lamps.light", "lamps.swear"]);
        assert_eq!(known.set(Role::Operator, true), ["lamps.light"]);
        assert_eq!(known.set(Role::Admin, false), ["lamps.bless", "lamps.light", "lamps.swear"]);
        assert_eq!(known.check_program(Role::Operator), Ok(()));
        let refused = known.check_program(Role::Approver).unwrap_err();
        assert!(refused.contains("programs never bless lamps (`lamps.bless`). Give it one of viewer, requester, operator"), "{refused}");
    }

    #[test]
    fn what_no_program_may_hold_is_not_held_however_its_role_came_about() {
        let bot = somebody(Role::Admin, true);
        assert!(bot.may(&LIGHT, Target::ALL) && !bot.may(&SWEAR, Target::ALL) && !bot.may_somewhere(&BLESS));
        let refused = bot.check(&BLESS, Target::ALL).unwrap_err();
        assert!(
            refused.message.contains("programs may never bless lamps (`lamps.bless`); a person with the role `approver` has to"),
            "{refused}"
        );
        assert_eq!(
            refused.details,
            json!({"role": "admin", "needed": "approver", "permission": "lamps.bless", "roles": ["approver", "admin"]})
        );
    }

    #[test]
    fn who_does_not_hold_it_is_told_who_does() {
        let refused = somebody(Role::Viewer, false).check(&LIGHT, Target::ALL).unwrap_err();
        assert!(refused.message.contains("that needs the role `requester`, and theirs is `viewer`"), "{refused}");
        assert!(refused.message.contains("`ann` may not light lamps (`lamps.light`)"), "{refused}");
        assert_eq!(refused.details["roles"], json!(["requester", "operator", "approver", "admin"]));
    }

    #[test]
    fn a_role_given_for_some_hosts_does_not_count_for_others_and_several_add_up() {
        let given =
            |role, host: &str, risk| Grant { id: Uuid::nil(), role, scope: Scope { host: Some(host.to_owned()), action: None, risk } };
        let grants = vec![given(Role::Requester, "coast", None), given(Role::Approver, "inland", Some(Risk::Low))];
        let keeper = Principal { grants, ..somebody(Role::Viewer, false) };
        let at = |places, risk| Target { places, action: Some("light"), risk: Some(risk) };
        assert!(keeper.may_somewhere(&LIGHT) && !keeper.may_everywhere(&LIGHT));
        assert!(keeper.may(&LIGHT, at(&["coast", "all"], Risk::High)) && keeper.may(&LIGHT, at(&["inland"], Risk::Low)));
        assert!(!keeper.may(&LIGHT, at(&["inland"], Risk::High)) && !keeper.may(&LIGHT, at(&["isle"], Risk::Low)));
        assert!(!keeper.may(&BLESS, at(&["coast"], Risk::Low)) && keeper.may(&BLESS, at(&["inland"], Risk::Low)));
        assert!(!keeper.may(&LIGHT, Target::ALL));
        let refused = keeper.check(&LIGHT, Target::ALL).unwrap_err();
        assert!(refused.message.contains("was given to them for other hosts, actions or risks"), "{refused}");
        assert!(!keeper.may_somewhere(&SWEAR), "what is held everywhere or not at all is not given for a part");
        let program = Principal { is_program: true, ..keeper };
        assert!(!program.may(&BLESS, at(&["inland"], Risk::Low)), "a program never does, whatever it was given");
    }

    #[test]
    fn nobody_gives_what_they_do_not_hold() {
        let known = Permissions::default();
        known.declare(&[LIGHT, SWEAR, BLESS]);
        assert_eq!(known.beyond(&somebody(Role::Admin, false), Role::Admin, false), None);
        assert_eq!(known.beyond(&somebody(Role::Operator, false), Role::Approver, false).map(|missing| missing.name), Some("lamps.bless"));
        assert_eq!(known.beyond(&somebody(Role::Admin, true), Role::Approver, false).map(|missing| missing.name), Some("lamps.bless"));
        assert_eq!(known.held_by(&somebody(Role::Viewer, false)), Vec::<&str>::new());
    }
}

//! What one may do here.

use super::permission::{Permission, Programs, Reach};
use super::role::Role;

/// What looks by itself, and how it goes.
pub const BACKGROUND_READ: Permission = Permission {
    name: "background.read",
    lets: "see how the work in the background goes",
    roles: Role::Operator.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// Who one is.
pub const WHOAMI: Permission = Permission {
    name: "whoami.read",
    lets: "see who they are",
    roles: Role::Viewer.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// People and programs, and what they may do.
pub const PEOPLE_READ: Permission = Permission {
    name: "people.read",
    lets: "see who may do what",
    roles: Role::Viewer.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// Tokens of people and programs.
pub const TOKENS_MANAGE: Permission = Permission {
    name: "tokens.manage",
    lets: "see, make and take back tokens",
    roles: Role::Admin.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// Signing in with a browser, and what one has signed in with.
pub const SESSIONS_OWN: Permission = Permission {
    name: "sessions.own",
    lets: "sign in with a browser",
    roles: Role::Viewer.and_above(),
    programs: Programs::LeftOut,
    reach: Reach::Everywhere,
};
/// Keys by which principals sign messages.
pub const KEYS_MANAGE: Permission = Permission {
    name: "keys.manage",
    lets: "see, trust and take back keys",
    roles: Role::Admin.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};

/// All of them.
pub const PERMISSIONS: &[Permission] = &[BACKGROUND_READ, WHOAMI, PEOPLE_READ, TOKENS_MANAGE, SESSIONS_OWN, KEYS_MANAGE];

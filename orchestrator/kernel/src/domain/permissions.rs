//! What one may do here.

use super::permission::{Permission, Programs};
use super::role::Role;

/// What looks by itself, and how it goes.
pub const BACKGROUND_READ: Permission = Permission {
    name: "background.read",
    lets: "see how the work in the background goes",
    roles: Role::Operator.and_above(),
    programs: Programs::Hold,
};
/// Who one is.
pub const WHOAMI: Permission =
    Permission { name: "whoami.read", lets: "see who they are", roles: Role::Viewer.and_above(), programs: Programs::Hold };
/// Tokens of people and programs.
pub const TOKENS_MANAGE: Permission =
    Permission { name: "tokens.manage", lets: "see, make and take back tokens", roles: Role::Admin.and_above(), programs: Programs::Hold };
/// Keys by which principals sign messages.
pub const KEYS_MANAGE: Permission =
    Permission { name: "keys.manage", lets: "see, trust and take back keys", roles: Role::Admin.and_above(), programs: Programs::Hold };

/// All of them.
pub const PERMISSIONS: &[Permission] = &[BACKGROUND_READ, WHOAMI, TOKENS_MANAGE, KEYS_MANAGE];

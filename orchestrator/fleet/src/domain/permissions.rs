//! What one may do here.

use chiffon_kernel::domain::permission::{Permission, Programs, Reach};
use chiffon_kernel::domain::role::Role;

/// Agents, what they report and what room they have.
pub const AGENTS_READ: Permission = Permission {
    name: "agents.read",
    lets: "see agents",
    roles: Role::Viewer.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// The catalogue.
pub const ACTIONS_READ: Permission = Permission {
    name: "actions.read",
    lets: "see actions",
    roles: Role::Viewer.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};

/// All of them.
pub const PERMISSIONS: &[Permission] = &[AGENTS_READ, ACTIONS_READ];

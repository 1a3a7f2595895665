//! What one may do here.

use chiffon_kernel::domain::permission::{Permission, Programs, Reach};
use chiffon_kernel::domain::role::Role;

/// What models cost.
pub const COSTS_READ: Permission = Permission {
    name: "costs.read",
    lets: "see what models cost",
    roles: Role::Viewer.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};

/// All of them.
pub const PERMISSIONS: &[Permission] = &[COSTS_READ];

//! What one may do here.

use chiffon_kernel::domain::permission::{Permission, Programs, Reach};
use chiffon_kernel::domain::role::Role;

/// The audit log, and whether it is whole.
pub const AUDIT_READ: Permission = Permission {
    name: "audit.read",
    lets: "see and check the records",
    roles: Role::Viewer.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};

/// All of them.
pub const PERMISSIONS: &[Permission] = &[AUDIT_READ];

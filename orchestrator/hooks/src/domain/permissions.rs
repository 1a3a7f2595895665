//! What one may do here.

use chiffon_kernel::domain::permission::{Permission, Programs, Reach};
use chiffon_kernel::domain::role::Role;

/// The hooks, how often each was called, and what a call would ask.
pub const WEBHOOKS_READ: Permission = Permission {
    name: "webhooks.read",
    lets: "see webhooks, how often each was called, and what a call would ask",
    roles: Role::Operator.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};

/// All of them.
pub const PERMISSIONS: &[Permission] = &[WEBHOOKS_READ];

//! What one may do here.

use chiffon_kernel::domain::permission::{Permission, Programs, Reach};
use chiffon_kernel::domain::role::Role;

/// Channels, and what became of notifications.
pub const NOTIFICATIONS_READ: Permission = Permission {
    name: "notifications.read",
    lets: "see notifications and how they were delivered",
    roles: Role::Operator.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// Testing a channel, and trying again what was given up.
pub const NOTIFICATIONS_MANAGE: Permission = Permission {
    name: "notifications.manage",
    lets: "test channels and have notifications tried again",
    roles: Role::Operator.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};

/// All of them.
pub const PERMISSIONS: &[Permission] = &[NOTIFICATIONS_READ, NOTIFICATIONS_MANAGE];

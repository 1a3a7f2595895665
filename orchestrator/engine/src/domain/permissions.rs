//! What one may do here.

use chiffon_kernel::domain::permission::{Permission, Programs, Reach};
use chiffon_kernel::domain::role::Role;

/// Tasks and their logs.
pub const TASKS_READ: Permission = Permission {
    name: "tasks.read",
    lets: "see tasks and their logs",
    roles: Role::Viewer.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// Hosts that are kept from other work.
pub const HOSTS_READ: Permission = Permission {
    name: "hosts.read",
    lets: "see which hosts are kept",
    roles: Role::Viewer.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// Pausing, resuming and draining agents.
pub const AGENTS_ORDER: Permission = Permission {
    name: "agents.order",
    lets: "pause, resume and drain agents",
    roles: Role::Operator.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// Messages that nobody could deal with.
pub const DEAD_LETTERS_READ: Permission = Permission {
    name: "dead_letters.read",
    lets: "see dead letters",
    roles: Role::Operator.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// Sending one of them again.
pub const DEAD_LETTERS_REPLAY: Permission = Permission {
    name: "dead_letters.replay",
    lets: "replay dead letters",
    roles: Role::Operator.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// Letting them go.
pub const DEAD_LETTERS_DELETE: Permission = Permission {
    name: "dead_letters.delete",
    lets: "delete and purge dead letters",
    roles: Role::Admin.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};

/// All of them.
pub const PERMISSIONS: &[Permission] = &[TASKS_READ, HOSTS_READ, AGENTS_ORDER, DEAD_LETTERS_READ, DEAD_LETTERS_REPLAY, DEAD_LETTERS_DELETE];

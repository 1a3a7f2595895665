//! What one may do here.

use chiffon_kernel::domain::permission::{Permission, Programs, Reach};
use chiffon_kernel::domain::role::Role;

/// Requests, their plans and what became of them.
pub const REQUESTS_READ: Permission = Permission {
    name: "requests.read",
    lets: "see requests",
    roles: Role::Viewer.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
/// Asking, and all that one does with what one has asked for.
pub const REQUESTS_ASK: Permission = Permission {
    name: "requests.ask",
    lets: "ask, and change what they asked for",
    roles: Role::Requester.and_above(),
    programs: Programs::Hold,
    reach: Reach::Parts,
};
/// The same with everybody's requests.
pub const REQUESTS_MANAGE: Permission = Permission {
    name: "requests.manage",
    lets: "change anybody's requests",
    roles: Role::Operator.and_above(),
    programs: Programs::Hold,
    reach: Reach::Parts,
};
/// Deciding about plans. No program ever does.
pub const REQUESTS_APPROVE: Permission = Permission {
    name: "requests.approve",
    lets: "approve or reject plans",
    roles: Role::Approver.and_above(),
    programs: Programs::Refused,
    reach: Reach::Parts,
};
/// Approving steps for requests to come. No program ever does.
pub const APPROVALS_STAND: Permission = Permission {
    name: "approvals.stand",
    lets: "approve steps for requests to come",
    roles: Role::Approver.and_above(),
    programs: Programs::Refused,
    reach: Reach::Parts,
};
/// Withdrawing standing approvals of others. One's own needs less.
pub const APPROVALS_WITHDRAW: Permission = Permission {
    name: "approvals.withdraw",
    lets: "withdraw standing approvals of others",
    roles: Role::Operator.and_above(),
    programs: Programs::Hold,
    reach: Reach::Parts,
};
/// Deciding about what was cut off, and about hosts that are kept for it: a person's word.
pub const TASKS_RESOLVE: Permission = Permission {
    name: "tasks.resolve",
    lets: "decide about what was cut off",
    roles: Role::Requester.and_above(),
    programs: Programs::LeftOut,
    reach: Reach::Parts,
};

/// All of them.
pub const PERMISSIONS: &[Permission] =
    &[REQUESTS_READ, REQUESTS_ASK, REQUESTS_MANAGE, REQUESTS_APPROVE, APPROVALS_STAND, APPROVALS_WITHDRAW, TASKS_RESOLVE];

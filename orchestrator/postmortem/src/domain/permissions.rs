//! What one may do here.

use chiffon_kernel::domain::permission::{Permission, Programs, Reach};
use chiffon_kernel::domain::role::Role;

/// The questions, and their answers.
pub const QUESTIONS_ASK: Permission = Permission {
    name: "questions.ask",
    lets: "have questions about what was answered",
    roles: Role::Viewer.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};

/// All of them.
pub const PERMISSIONS: &[Permission] = &[QUESTIONS_ASK];

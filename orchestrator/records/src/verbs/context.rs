//! What reading the records works with: the kernel's, and the repository.

use std::ops::Deref;

use chiffon_kernel::verbs as kernel;

use crate::audit_repo::AuditRepository;

/// What endpoints about the records work with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// What every part works with.
    pub kernel: kernel::Context,
    /// The audit repository, to be checked with the audit log; `None` leaves it out.
    pub repository: Option<AuditRepository>,
}

impl Deref for Context {
    type Target = kernel::Context;

    fn deref(&self) -> &kernel::Context {
        &self.kernel
    }
}

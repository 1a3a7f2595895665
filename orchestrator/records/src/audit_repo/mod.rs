//! The audit repository: a bare git repository written through libgit2 trees, without a working tree or a git binary.
//!
//! Commits are deterministic (the record's time and author), so that a commit made twice is the same commit; the branch
//! is moved by compare-and-swap, so that an older writer changes nothing (RELIABILITY 22). It knows files and trailers,
//! not requests: what is recorded is decided in `verbs::record`.

mod bundle;
mod check;
mod commit;
mod folders;
mod objects;
mod trailers;

pub use check::{Damage, Found, Walk, trailer};
pub use commit::{AuditRepository, CommitPlan, RepositoryError};
pub use trailers::message;

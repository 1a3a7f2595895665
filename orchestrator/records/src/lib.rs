//! What is kept for good: the audit repository with its outbox and its scribe, sealed logs, and the verification of all of it. The only crate that
//! speaks git.

pub mod audit_repo;
pub mod chores;
pub mod domain;
pub mod http;
pub mod store;
pub mod verbs;

use std::sync::Arc;

use audit_repo::AuditRepository;
use chiffon_kernel::part::Part;
use chiffon_kernel::verbs::Context;
use chores::git_scribe::GitScribe;
use chores::log_sealer::LogSealer;
use domain::permissions::PERMISSIONS;
use store::invariants::records;

/// What it brings to an orchestrator.
pub fn part(context: &Context, repository: AuditRepository) -> Part {
    let room = verbs::Context { kernel: context.clone(), repository: Some(repository.clone()) };
    Part {
        routes: Some(Box::new(move |server| http::routes(server, room.clone()))),
        permissions: PERMISSIONS,
        chores: vec![Arc::new(LogSealer::new(context.clone())), Arc::new(GitScribe::new(context.clone(), repository))],
        invariants: records::INVARIANTS,
        ..Part::default()
    }
}

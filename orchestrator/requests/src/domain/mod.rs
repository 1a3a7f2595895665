//! What Chiffon knows, pure and synchronous: states, transitions, plans, policy, the audit chain. No clock, no SQL, no async.

pub mod approval_link;
pub mod asked_action;
pub mod deadline;
pub mod in_short;
pub mod origin;
pub mod permissions;
pub mod request;
pub mod run_outcome;
pub mod scope_of_plan;
pub mod standing_approval;

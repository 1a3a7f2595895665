//! What Chiffon knows, pure and synchronous: states, transitions, plans, policy, the audit chain. No clock, no SQL, no async.

pub mod agent_order;
pub mod assemble;
pub mod audit;
pub mod catalogue;
pub mod credential;
pub mod dead_letter;
pub mod deadline;
pub mod fresh_preview;
pub mod invariant;
pub mod log_digest;
pub mod missing;
pub mod not_offered;
pub mod placement;
pub mod plan;
pub mod policy;
pub mod prediction;
pub mod record_path;
pub mod reference;
pub mod request;
pub mod role;
pub mod run_outcome;
pub mod shared_types;
pub mod short_id;
pub mod standing;
pub mod task;
pub mod unverified;

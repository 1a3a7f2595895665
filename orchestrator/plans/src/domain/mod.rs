//! What Chiffon knows, pure and synchronous: states, transitions, plans, policy, the audit chain. No clock, no SQL, no async.

pub mod asks;
pub mod assemble;
pub mod catalogue;
pub mod fleet;
pub mod not_offered;
pub mod part;
pub mod plan;
pub mod plan_state;
pub mod policy;
pub mod prediction;
pub mod record_path;
pub mod reference;
pub mod runnable;
pub mod shared_types;
mod steps_hash;
pub mod written;

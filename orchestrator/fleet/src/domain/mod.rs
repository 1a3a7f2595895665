//! What Chiffon knows, pure and synchronous: states, transitions, plans, policy, the audit chain. No clock, no SQL, no async.

pub mod agent_order;
pub mod permissions;
pub mod unknown_kind;
pub mod unverified;

//! What Chiffon knows, pure and synchronous: states, transitions, plans, policy, the audit chain. No clock, no SQL, no async.

pub mod audit;
pub mod credential;
pub mod feed;
pub mod invariant;
pub mod missing;
pub mod password;
pub mod permission;
pub mod permissions;
pub mod role;
pub mod scope;
pub mod short_id;
pub mod waiting;

//! What Chiffon knows, pure and synchronous: states, transitions, plans, policy, the audit chain. No clock, no SQL, no async.

pub mod dead_letter;
pub mod fresh_preview;
pub mod late;
pub mod permissions;
pub mod placement;
pub mod standing;
pub mod task;
pub mod wait_key;

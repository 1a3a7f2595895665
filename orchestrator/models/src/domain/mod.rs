//! What one may do here; pure, no clock, no SQL, no async.

pub mod permissions;

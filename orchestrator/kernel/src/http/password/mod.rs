//! Passwords of people: one's own, and those of others.

pub(super) mod others;
pub(super) mod own;

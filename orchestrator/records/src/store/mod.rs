//! The only module that speaks SQL. One file per noun; statements are checked at compile time.

pub mod found_commits;
pub mod git_outbox;
pub mod host_outcomes;
pub mod invariants;
pub mod log_seals;
pub mod read;
pub mod stories;

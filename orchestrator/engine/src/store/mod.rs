//! The only module that speaks SQL. One file per noun; statements are checked at compile time.

pub mod attempt_leases;
pub mod attempts;
pub mod dead_letters;
pub mod dispatch;
pub mod fresh_previews;
pub mod held;
pub mod host_locks;
pub mod host_results;
pub mod invariants;
pub mod late_tasks;
pub mod logs;
pub mod new_tasks;
pub mod progress;
pub mod read;
pub mod ready;
pub mod restores;
pub mod run_deadlines;
pub mod task_changes;
pub mod task_locks;
pub mod task_waits;
pub mod tasks;
pub mod unverified;

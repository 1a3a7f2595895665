//! Use cases, one verb per file. A use case is one transaction (or a short series), told top to bottom.

pub mod cancel_tasks;
pub mod claim;
pub mod create_tasks;
pub mod dead_letters;
pub mod decline;
pub mod dispatch;
pub mod end_task;
mod explain;
mod failed_attempt;
mod finish;
pub mod fresh_preview;
pub mod heartbeat;
pub mod hello;
pub mod intake;
pub mod keep_hosts;
pub mod late_report;
pub mod late_tasks;
pub mod leave_out;
mod log_lines;
pub mod lose_attempt;
mod may_start;
mod offer;
pub mod order_agent;
pub mod reap_leases;
pub mod reap_overdue;
pub mod result;
pub mod retry;
pub mod run;
pub mod status;
pub mod stranger;
pub mod task_story;
pub mod unclaimed;
pub mod unreadable;
pub mod unverified;
pub mod variables_changed;
pub mod wait;
pub mod withdraw;

mod context;

pub use context::{Context, DeadLetterLimits, Settings};

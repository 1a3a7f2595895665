//! Use cases, one verb per file. A use case is one transaction (or a short series), told top to bottom.

pub mod advance_request;
pub mod after_restore;
pub mod background_status;
pub mod cancel;
pub mod cancel_tasks;
pub mod check_invariants;
pub mod claim;
pub mod create_tasks;
pub mod dead_letters;
pub mod decide;
pub mod decline;
pub mod dispatch;
pub mod end_task;
pub mod enforce_deadlines;
pub mod expire;
pub mod freeze;
pub mod heartbeat;
pub mod hello;
pub mod intake;
mod late_report;
pub mod ledger;
pub mod lose_attempt;
pub mod outcome;
pub mod plan_round;
pub mod planning_desk;
pub mod reap_leases;
pub mod reap_overdue;
pub mod record;
pub mod reply;
pub mod result;
pub mod retain;
pub mod say;
pub mod seal_logs;
pub mod status;
pub mod submit;
pub mod task_story;
pub mod tokens;
pub mod transition;
pub mod unclaimed;
pub mod verify_audit;
pub mod wait;
pub mod wake_planning;
pub mod withdraw;

mod context;

pub use context::{Context, DeadLetterLimits, Retention, Settings, Wakes, Watch};

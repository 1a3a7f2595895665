//! Use cases, one verb per file. A use case is one transaction (or a short series), told top to bottom.

pub mod advance_request;
pub mod after_restore;
mod answer_asks;
pub mod approval_links;
pub mod approve;
pub mod cancel;
pub mod decide;
pub mod direct;
pub mod enforce_deadlines;
pub mod expire;
pub mod freeze;
pub mod hold;
pub mod open_requests;
pub mod outdated;
pub mod plan_again;
pub mod plan_round;
pub mod planning_desk;
pub mod propose;
pub mod release_host;
pub mod request_run;
pub mod resolve;
pub mod say;
pub mod scope_of_plan;
pub mod stand;
pub mod start_run;
pub mod submit;
pub mod submit_message;
pub mod transition;
mod use_standing;
pub mod wake_planning;
pub mod withdraw_standing;

mod context;

pub use context::{Context, Means, Settings};

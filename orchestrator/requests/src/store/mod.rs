//! The only module that speaks SQL. One file per noun; statements are checked at compile time.

pub mod approval_links;
pub mod approvals;
pub mod deadlines;
pub mod durations;
pub mod invariants;
pub mod messages;
pub mod planning;
pub mod plans;
pub mod read;
pub mod request_messages;
pub mod requests;
pub mod standing_approvals;

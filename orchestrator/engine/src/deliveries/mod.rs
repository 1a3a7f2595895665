//! Deliveries become service calls, and what they come to becomes a verdict, in one place.

pub mod claims;
pub mod dead_letters;
pub mod heartbeats;
pub mod reports;
pub mod results;
pub mod status;
pub mod strangers;

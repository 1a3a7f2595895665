//! Deliveries become service calls, and what they come to becomes a verdict, in one place.

pub mod requests;

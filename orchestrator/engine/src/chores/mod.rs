//! Background work of this part: small idempotent ticks, each woken by a signal and by a period.

pub mod dead_letter_keeper;
pub mod dispatcher;
pub mod lease_reaper;

//! Background work: small idempotent ticks, each woken by a signal and by a period, on one code path for the happy and the

pub mod dead_letter_keeper;
pub mod dispatcher;
pub mod lease_reaper;

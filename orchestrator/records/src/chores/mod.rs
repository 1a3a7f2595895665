//! Background work: small idempotent ticks, each woken by a signal and by a period, on one code path for the happy and the

pub mod git_scribe;
pub mod log_sealer;

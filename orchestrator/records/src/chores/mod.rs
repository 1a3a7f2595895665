//! Background work of this part: small idempotent ticks, each woken by a signal and by a period.

pub mod git_scribe;
pub mod log_sealer;

//! Background work: small idempotent ticks, each woken by a signal and by a period, on one code path for the happy and the

pub mod deadline_reaper;
pub mod planning;

//! Background work of this part: small idempotent ticks.

pub mod lookout;
pub mod notifier;
pub mod postman;

//! Webhooks.

pub mod list;
pub mod receive;
pub mod try_out;

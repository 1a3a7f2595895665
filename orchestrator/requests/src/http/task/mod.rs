//! Tasks and their logs.

pub mod resolve;

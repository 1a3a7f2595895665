//! The fleet.

pub mod capacity;
pub mod order;

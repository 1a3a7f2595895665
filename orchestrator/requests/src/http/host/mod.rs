//! Hosts that are kept from other work.

pub mod release;

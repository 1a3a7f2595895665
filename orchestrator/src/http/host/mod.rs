//! Hosts that are kept from other work.

pub(super) mod release;
pub(super) mod reserved;

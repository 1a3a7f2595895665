//! Hosts that are kept from other work.

pub(super) mod reserved;

//! Keys under which principals ask over AMQP.

pub(super) mod list;
pub(super) mod revoke;
pub(super) mod trust;

//! Why something on the bus did not work: what may work later, what will not, and what has to be put right by a person.

/// Why something on the bus did not work.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The broker can't be reached, or did not answer in time.
    #[error("the broker can't be reached: {0}")]
    Unavailable(String),
    /// The broker refused it (a full queue, a memory alarm, missing permissions, no such queue).
    #[error("the broker refused it: {0}")]
    Refused(String),
    /// A queue or exchange exists with other arguments.
    #[error(
        "`{name}` exists on the broker with other arguments: {reason}; arguments can't be changed, so delete it once it is empty, \
         or set `bus.queue_type` to what it was made with"
    )]
    Mismatch {
        /// The queue or exchange.
        name: String,
        /// The broker's words.
        reason: String,
    },
    /// The address can't be read.
    #[error("`{url}` is not a broker's address: {reason}; it has the form amqp://user:password@host:5672/vhost")]
    Address {
        /// The address without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The bus was closed by its owner.
    #[error("the bus is closed")]
    Closed,
}

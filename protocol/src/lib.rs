//! The wire contract: envelope, messages, topology as data, signatures, error codes and the action format.
//!
//! Everything here is data and pure functions. No sockets, no files, no clock: whoever needs the time passes it in.

pub mod action;
pub mod canonical;
pub mod envelope;
pub mod error_code;
pub mod key;
pub mod kind;
pub mod message;
pub mod money;
pub mod shown;
pub mod signature;
pub mod tool;
pub mod topology;

pub use action::ActionSpec;
pub use envelope::{Envelope, ParseError};
pub use error_code::{ErrorCode, Problem};
pub use message::Message;
pub use shown::Shown;

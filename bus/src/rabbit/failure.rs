//! The client's errors in the bus's words: what will never work as asked is refused, everything else may work later.

use lapin::ErrorKind;
use lapin::protocol::{AMQPError, AMQPErrorKind, AMQPSoftError};

use crate::BusError;

/// Any call's error.
pub fn of(error: &lapin::Error) -> BusError {
    match soft(error) {
        Some((
            AMQPSoftError::NOTFOUND
            | AMQPSoftError::ACCESSREFUSED
            | AMQPSoftError::PRECONDITIONFAILED
            | AMQPSoftError::RESOURCELOCKED
            | AMQPSoftError::CONTENTTOOLARGE,
            said,
        )) => BusError::Refused(said),
        _ => BusError::Unavailable(error.to_string()),
    }
}

/// A declaration's error: a queue or exchange that exists otherwise, or belongs to another connection, is named
/// (406 and 405, <https://www.rabbitmq.com/docs/channels#common-channel-errors>).
pub fn of_declaration(name: &str, error: &lapin::Error) -> BusError {
    match soft(error) {
        Some((AMQPSoftError::PRECONDITIONFAILED | AMQPSoftError::RESOURCELOCKED, reason)) => {
            BusError::Mismatch { name: name.to_owned(), reason }
        }
        _ => of(error),
    }
}

/// A publish's error. When a publish to an exchange that does not exist closes the channel, all that are under way fail with the
/// same words; only those that asked for that exchange are refused.
pub fn of_publish(exchange: &str, error: &lapin::Error) -> BusError {
    match of(error) {
        BusError::Refused(said) if !said.contains(&format!("'{exchange}'")) => {
            BusError::Unavailable(format!("another message closed the channel: {said}"))
        }
        other => other,
    }
}

/// Whether a queue that was asked for does not exist.
pub fn is_missing(error: &lapin::Error) -> bool {
    matches!(soft(error), Some((AMQPSoftError::NOTFOUND, _)))
}

/// Whether the call failed before anything left this process.
pub fn is_unsent(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidChannelState(..) | ErrorKind::InvalidConnectionState(_) | ErrorKind::InvalidChannel(_))
}

fn soft(error: &lapin::Error) -> Option<(&AMQPSoftError, String)> {
    let ErrorKind::ProtocolError(error) = error.kind() else { return None };
    match error.kind() {
        AMQPErrorKind::Soft(kind) => Some((kind, words(error))),
        AMQPErrorKind::Hard(_) => None,
    }
}

fn words(error: &AMQPError) -> String {
    error.get_message().to_string()
}

//! What becomes of a message that came in: a value, mapped to the bus's verdict in one place (`inbox`).

use chiffon_protocol::{ErrorCode, Problem};

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was dealt with, also when the answer was no or nothing had to change.
    Done,
    /// It is poison: it goes to the dead letters with this reason.
    Rejected(Problem),
}

impl Outcome {
    /// Poison of this kind.
    pub fn rejected(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Rejected(Problem::new(code, message))
    }
}

//! How a verb ends: exit codes, and what is said on standard error.

use std::fmt;

use chiffon_protocol::Problem;

/// Exit codes of the contract: `chiffon --help` and docs/operating.md list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It is done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// It was called wrongly.
    Usage = 2,
    /// A person rejected or cancelled it.
    Declined = 3,
    /// Nobody answers.
    Unreachable = 4,
    /// The request waits for an answer.
    NeedsInput = 5,
    /// The request waits for an approval.
    AwaitingApproval = 6,
    /// Ctrl-C: the program left, what it watched goes on. 128 and the number of SIGINT, as shells have it.
    Interrupted = 130,
}

/// Why a verb did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What is said.
    pub message: String,
}

impl Failure {
    /// It failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into() }
    }

    /// It was called wrongly.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let number = problem.code.number();
        Self::failed(format!("{} (error {number}; `chiffon explain {number}` says what to do)", problem.message))
    }
}

impl From<chiffon_process::config::ConfigError> for Failure {
    fn from(error: chiffon_process::config::ConfigError) -> Self {
        Self::usage(format!("configuration: {error}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

/// What verbs return.
pub type Outcome = Result<Exit, Failure>;

//! Mistakes that the simulation can make on purpose, to show that it would find them. They exist here only: the decisions that
//! they get round are the product's, and the product has no such switch.

use clap::ValueEnum;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Bug {
    /// The agent takes the delivery for the permission: it acknowledges and runs, and claims afterwards.
    AckBeforeClaim,
    /// A result counts for whatever attempt is the newest, whoever it came from.
    NoFenceOnResults,
    /// An approval that has started a run can start another.
    ApprovalNotConsumed,
    /// Approvals of one revision count for the next.
    OldApprovalsCount,
    /// Work is given out for a host that is kept, because something of a stopped run may still run there.
    KeptHostGivenOut,
    /// Who completes a step forgets those that wait for it.
    StepsNotWoken,
    /// What has failed is tried again because its run wants that, whatever its action declares.
    FailureRepeated,
    /// Nobody asks whether a step is to run.
    WhenNotAsked,
    /// Steps wait for the first of a step's tasks only.
    LateOneNotWaitedFor,
}

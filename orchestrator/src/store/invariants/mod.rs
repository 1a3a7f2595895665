//! The statements that look for what must never be: reads only, each bounded by what is open and what is recent, so that a
//! long history costs nothing.

mod records;
mod requests;
mod work;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::Error;
use crate::domain::invariant::{Found, Invariant};

/// How many violations are named.
const EXAMPLES: i64 = 5;
/// So many times longer than other things a record may take to be committed: a scribe may have many to catch up with.
const PATIENCE_WITH_RECORDS: i32 = 5;

/// What counts as overdue, and how far back it looks.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The process's time.
    pub now: DateTime<Utc>,
    /// What is overdue for longer is a violation.
    pub overdue_after: Duration,
    /// Finished requests asked before this are not looked at again.
    pub since: DateTime<Utc>,
    /// A call to a model that takes longer is over.
    pub longest_call: Duration,
}

impl Limits {
    /// What was due before this is a violation.
    fn due(&self) -> DateTime<Utc> {
        self.ago(self.overdue_after)
    }

    fn ago(&self, duration: Duration) -> DateTime<Utc> {
        let duration = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        self.now.checked_sub_signed(duration).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}

/// One violation, and how many there are in all.
struct Row {
    example: String,
    total: i64,
}

/// Looks for violations of one of them. What is about this process alone is never found here.
pub async fn find(connection: &mut PgConnection, invariant: Invariant, limits: &Limits) -> Result<Found, Error> {
    let rows = match invariant {
        Invariant::ClaimedWithoutLease => work::claimed_without_lease(connection, limits).await?,
        Invariant::OfferPastDeadline => work::offer_past_deadline(connection, limits).await?,
        Invariant::TaskWithoutOwner => work::task_without_owner(connection).await?,
        Invariant::RunPastDeadline => work::run_past_deadline(connection, limits).await?,
        Invariant::ReservationWithoutTask => work::reservation_without_task(connection).await?,
        Invariant::TaskThatNothingMoves => work::task_that_nothing_moves(connection).await?,
        Invariant::PlanningNotAnnounced => requests::planning_not_announced(connection, limits).await?,
        Invariant::RequestBehindItsTasks => requests::behind_its_tasks(connection).await?,
        Invariant::RequestThatNothingMoves => requests::that_nothing_moves(connection).await?,
        Invariant::RequestPastDeadline => requests::past_deadline(connection, limits).await?,
        Invariant::RunWithoutApproval => requests::run_without_approval(connection, limits).await?,
        Invariant::ApprovalConsumedTwice => requests::approval_consumed_twice(connection, limits).await?,
        Invariant::OutboxRowTooOld => records::outbox_row_too_old(connection, limits).await?,
        Invariant::RecordNotCommitted => records::record_not_committed(connection, limits).await?,
        Invariant::AuditHeadMismatch => records::audit_head_mismatch(connection, limits).await?,
        Invariant::SpendingNeverSettled => records::spending_never_settled(connection, limits).await?,
        Invariant::PartitionMissing => records::partition_missing(connection, limits).await?,
        Invariant::BackgroundHangs => Vec::new(),
    };
    Ok(Found { count: rows.first().map_or(0, |row| row.total), examples: rows.into_iter().map(|row| row.example).collect() })
}

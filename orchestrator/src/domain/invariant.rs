//! What must never be true of the records: each with a name, the sentence that has to hold, and what to do when it does not.
//!
//! Nothing here looks at anything: the statements are in `store::invariants`, and who runs them is `verbs::check_invariants`.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::short_id;

macro_rules! invariants {
    ($($(#[$doc:meta])* $variant:ident $name:literal, $waits:literal, $sentence:literal, $advice:literal;)*) => {
        /// Something that has to hold at every moment, whatever was killed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Invariant { $($(#[$doc])* $variant,)* }

        impl Invariant {
            /// All of them, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name over HTTP and in metrics.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What has to hold.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }

            /// What to do when it does not; `{request}` and `{task}` stand for what it is about.
            fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)* }
            }

            /// Whether it is about something that is overdue: then it says nothing while broker or process were away, because
            /// nobody could do what is due (RELIABILITY 10).
            pub fn is_about_time(self) -> bool {
                match self { $(Self::$variant => $waits,)* }
            }
        }
    };
}

invariants! {
    /// RELIABILITY 10.
    ClaimedWithoutLease "claimed_without_lease", true,
        "a claimed attempt has a live lease, or its task is `unknown`",
        "look at `lease_reaper` in GET /background: it marks silent attempts, once it has heard heartbeats for a whole lease";
    /// RELIABILITY 9.
    OfferPastDeadline "offer_past_deadline", true,
        "no offer is older than its `claim_by` without having been claimed or withdrawn",
        "look at `dispatcher` in GET /background: it withdraws offers";
    /// RELIABILITY 6.
    TaskWithoutOwner "task_without_owner", false,
        "whatever an agent is said to have, one open, claimed attempt stands behind",
        "nobody can end such a task: cancel it (`chiffon cancel {task}`), and send its audit log (`chiffon audit log`) with a report of the fault";
    /// RELIABILITY 15.
    RunPastDeadline "run_past_deadline", true,
        "no attempt is shown as running for longer than its time limit and twice the margin",
        "look at `lease_reaper` in GET /background: it asks such a run to stop, then gives it up as `unknown`";
    /// RELIABILITY 12.
    ReservationWithoutTask "reservation_without_task", false,
        "a host is reserved only for a task that an agent has or may have",
        "work for that host waits for ever: end the task (`chiffon cancel {task}`), and send its audit log with a report of the fault";
    /// RELIABILITY 1.
    TaskThatNothingMoves "task_that_nothing_moves", false,
        "an open task belongs to an open request and its current plan, and none of the steps before it has failed",
        "nobody will ever look at it again: cancel it (`chiffon cancel {task}`), and send its audit log with a report of the fault";
    /// RELIABILITY 1.
    PlanningNotAnnounced "planning_not_announced", true,
        "a round that wants a plan is leased by a planner, or is announced again in time",
        "look at `planning` in GET /background: it announces rounds again";
    /// The end of the last task moves the request in the same transaction.
    RequestBehindItsTasks "request_behind_its_tasks", false,
        "a request with work under way has a task that is not at its end, and one that needs attention has a task that asks for it",
        "cancel it (`chiffon cancel {request}`), and send its audit log (`chiffon audit log {request}`) with a report of the fault";
    /// Promise 3: everything is explained.
    RequestThatNothingMoves "request_that_nothing_moves", false,
        "an open request has an open task, a time at which it moves on, or says what it waits for",
        "cancel it (`chiffon cancel {request}`), and send its audit log (`chiffon audit log {request}`) with a report of the fault";
    /// Deadlines on every state.
    RequestPastDeadline "request_past_deadline", true,
        "no request stands in a state for longer than that state's deadline",
        "look at `deadline_reaper` in GET /background: it ends or reminds";
    /// RELIABILITY 2.
    OutboxRowTooOld "outbox_row_too_old", true,
        "no message waits in the outbox for longer than this while the broker is there",
        "look at `outbox_relay` in GET /background, and at `last_error` in the table `outbox`";
    /// RELIABILITY 22.
    RecordNotCommitted "record_not_committed", true,
        "what was done is committed to the audit repository soon, while a scribe has its lease",
        "look at `git_scribe` in GET /background: is the audit repository's disk full, or is it not writable?";
    /// RELIABILITY 17 and 18, promise 1.
    RunWithoutApproval "run_without_approval", false,
        "what was ever offered to an agent for real belongs to an approved plan with all approvals that it needs",
        "stop what runs (`chiffon cancel {request}`), and look at who approved what: `chiffon audit log {request}`";
    /// RELIABILITY 18.
    ApprovalConsumedTwice "approval_consumed_twice", false,
        "an approval starts one run, and a request has one run",
        "stop what runs (`chiffon cancel {request}`), and look at who approved what: `chiffon audit log {request}`";
    /// RELIABILITY 21.
    AuditHeadMismatch "audit_head_mismatch", false,
        "the last row of each audit chain is the one that its head names",
        "somebody has changed the records: `chiffon audit verify` says where; restore from a backup what can't be explained";
    /// RELIABILITY 19.
    SpendingNeverSettled "spending_never_settled", true,
        "a call to a model is settled, or counts as spent once it has taken too long",
        "look at `deadline_reaper` in GET /background: it settles what a killed planner left";
    /// Retention.
    PartitionMissing "partition_missing", true,
        "the partitions of the next month are there",
        "look at `partitions` in GET /background: it makes them; may the database's user create tables?";
    /// Habit: background work is a small tick.
    BackgroundHangs "background_hangs", false,
        "no background agent has been at one look for too long",
        "restart this process, which hands its work to the others or to its next start; its log names the last thing that the agent said";
}

/// What a look found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many violations there are.
    pub count: i64,
    /// What some of them are about: ids, as an operator can use them.
    pub examples: Vec<String>,
}

impl Invariant {
    /// What to do about what was found, with the ids to be typed.
    pub fn advice_about(self, found: &Found) -> String {
        let id = found.examples.iter().find_map(|example| short_id::find(example));
        let (request, task) = id.map_or(("ID".to_owned(), "ID".to_owned()), |id| (short_id::short(id), id.to_string()));
        self.advice().replace("{request}", &request).replace("{task}", &task)
    }
}

/// Whether an invariant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Ok,
    /// It does not.
    Violated,
    /// Broker or process were away a moment ago: what is overdue may be excused.
    NotJudged,
}

/// One invariant, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Checked {
    /// Its name.
    pub invariant: &'static str,
    /// What has to hold.
    pub sentence: &'static str,
    /// Whether it does.
    pub status: Verdict,
    /// How many violations there are.
    pub count: i64,
    /// What some of them are about.
    pub examples: Vec<String>,
    /// When this process first saw it violated; null while it is not.
    pub since: Option<DateTime<Utc>>,
    /// What to do; null while nothing has to be done.
    pub advice: Option<String>,
}

/// All of them, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct InvariantReport {
    /// When they were looked at.
    pub checked_at: DateTime<Utc>,
    /// Each of them.
    pub items: Vec<Checked>,
}

impl InvariantReport {
    /// Those that do not hold.
    pub fn violated(&self) -> impl Iterator<Item = &Checked> {
        self.items.iter().filter(|item| item.status == Verdict::Violated)
    }

    /// What was found about one of them, after what the last report said.
    pub fn judge(invariant: Invariant, found: Option<Found>, before: Option<&Self>, now: DateTime<Utc>) -> Checked {
        let was = before.and_then(|before| before.items.iter().find(|item| item.invariant == invariant.name()));
        let status = match &found {
            None => Verdict::NotJudged,
            Some(found) if found.count == 0 => Verdict::Ok,
            Some(_) => Verdict::Violated,
        };
        let is_violated = status == Verdict::Violated;
        let found = found.unwrap_or_default();
        let advice = is_violated.then(|| invariant.advice_about(&found));
        Checked {
            invariant: invariant.name(),
            sentence: invariant.sentence(),
            status,
            count: found.count,
            examples: found.examples,
            since: is_violated.then(|| was.and_then(|was| was.since).unwrap_or(now)),
            advice,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_that_is_a_label() {
        let names: BTreeSet<_> = Invariant::ALL.iter().map(|invariant| invariant.name()).collect();
        assert_eq!(names.len(), Invariant::ALL.len());
        assert!(names.iter().all(|name| name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')), "{names:?}");
    }

    #[test]
    fn what_is_to_be_typed_has_the_id_of_what_was_found() {
        let id = "0199c1f0-0000-7000-8000-00000000beef";
        let found = Found { count: 1, examples: vec![format!("nas (task {id} is waiting)")] };
        for invariant in Invariant::ALL {
            let advice = invariant.advice_about(&found);
            assert!(!advice.contains(['{', '}']) && !advice.contains(" ID"), "{advice}");
        }
        assert!(Invariant::ReservationWithoutTask.advice_about(&found).contains(&format!("`chiffon cancel {id}`")));
        assert!(Invariant::RunWithoutApproval.advice_about(&found).contains("`chiffon audit log 0000beef`"));
    }

    #[test]
    fn a_violation_keeps_the_time_of_its_first_sight() {
        let (first, second) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(1));
        let found = || Some(Found { count: 2, examples: vec!["7".to_owned()] });
        let judge = |found, before: Option<&InvariantReport>, now| InvariantReport {
            checked_at: now,
            items: vec![InvariantReport::judge(Invariant::OutboxRowTooOld, found, before, now)],
        };
        let before = judge(found(), None, first);
        let after = judge(found(), Some(&before), second);
        assert_eq!((after.items[0].since, after.items[0].status), (Some(first), Verdict::Violated));
        let restored = judge(Some(Found::default()), Some(&after), second);
        assert_eq!((restored.items[0].since, restored.violated().count()), (None, 0));
        assert_eq!(judge(None, Some(&after), second).items[0].status, Verdict::NotJudged);
    }
}

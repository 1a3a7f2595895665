//! What the records hold of an attempt, and what a claim of it, a result for it, or a further offer of it comes to
//! (RELIABILITY 6 to 8, 13, 14). Pure: the services load a [`Known`] under the task's lock and carry out the answer.

use chiffon_protocol::message::Outcome;
use uuid::Uuid;

use super::state::{Event, InvalidTransition, Task};
use super::words::Status;

/// An attempt as it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// Its number.
    pub attempt: i32,
    /// The claim that owns it.
    pub claim_id: Option<Uuid>,
    /// Whether its end is recorded.
    pub finished: bool,
    /// How it ended, by the word.
    pub outcome: Option<&'a str>,
}

/// A claim as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Its id: the same when it is sent again.
    pub claim_id: Uuid,
    /// The attempt.
    pub attempt: i32,
    /// The offer that the agent has.
    pub offer: i32,
    /// The agent.
    pub agent_id: &'a str,
}

/// What is answered to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The attempt is the claim's now.
    Granted,
    /// It was before: the answer got lost.
    GrantedBefore,
    /// Its result is stored already.
    Over,
    /// Another claim owns it.
    Taken,
    /// The task is not offered, or not this way any more.
    NotOffered(InvalidTransition),
}

/// One attempt has one owner: the same claim gets the same answer again, any other for an owned attempt is refused.
pub fn claim(task: Task, newest: Option<Known<'_>>, claim: Claim<'_>) -> Claimed {
    if let Some(owned) = newest.filter(|known| known.attempt == claim.attempt && known.claim_id.is_some()) {
        return match (owned.claim_id == Some(claim.claim_id), owned.finished) {
            (true, false) => Claimed::GrantedBefore,
            (true, true) => Claimed::Over,
            (false, _) => Claimed::Taken,
        };
    }
    let event = Event::Claim { attempt: claim.attempt, offer: claim.offer, agent_id: claim.agent_id.to_owned() };
    task.on(event).map_or_else(Claimed::NotOffered, |_| Claimed::Granted)
}

/// What a result of an attempt's owner comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    /// It ends the task like this.
    Ends(Status),
    /// Nothing was executed: the task is offered again, as a new attempt.
    NotStarted,
    /// It was stored before; acknowledged once more.
    Repeated,
    /// Another one was stored before: flagged, acknowledged, nothing else.
    Conflicting,
    /// The attempt was superseded, or a person has decided: recorded, flagged, acknowledged, nothing else.
    Fenced,
}

/// Applies a result once. `attempt` is the reported one, which may not be the task's newest.
pub fn result(task: Task, attempt: Known<'_>, outcome: Outcome) -> Reported {
    if attempt.finished {
        return if attempt.outcome == Some(outcome.as_str()) { Reported::Repeated } else { Reported::Conflicting };
    }
    match task.on(Event::Finish { attempt: attempt.attempt, outcome }) {
        Ok(Task::Waiting) => Reported::NotStarted,
        Ok(next) => Reported::Ends(next.status()),
        Err(InvalidTransition::Superseded { .. } | InvalidTransition::NotHere { .. }) => Reported::Fenced,
    }
}

/// The next offer of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextOffer {
    /// The attempt.
    pub attempt: i32,
    /// The offer's number.
    pub offer: i32,
    /// Whether the attempt is a new one.
    pub is_new: bool,
}

/// The attempt that nobody owned is offered again, under the number `offer`; after one that somebody owned comes a new one.
/// Attempts up to `fenced` may have been made after a backup that was restored, and are not made again. `None` when the task can't
/// be offered.
pub fn next_offer(task: Task, newest: Option<Known<'_>>, (attempt, offer): (i32, i32), fenced: i32) -> Option<NextOffer> {
    let is_new = newest.is_none_or(|known| known.claim_id.is_some() || known.finished || known.attempt <= fenced);
    let (attempt, offer) = if is_new { (attempt.max(fenced) + 1, 1) } else { (attempt, offer) };
    let ready = match task {
        Task::Pending => Task::Pending.on(Event::DependenciesMet).ok()?,
        other => other,
    };
    ready.on(Event::Offer { attempt, offer }).ok()?;
    Some(NextOffer { attempt, offer, is_new })
}

#[cfg(test)]
mod tests {
    use super::super::state::Owned;
    use super::*;

    fn known(claim: Option<u128>, outcome: Option<&str>) -> Known<'_> {
        Known { attempt: 2, claim_id: claim.map(Uuid::from_u128), finished: outcome.is_some(), outcome }
    }

    fn running() -> Task {
        Task::Running(Owned { attempt: 2, agent_id: "a".to_owned(), started: true, cancel_requested: false })
    }

    #[test]
    fn an_owned_attempt_answers_its_claim_again_and_refuses_every_other() {
        let ask = |claim_id: u128, attempt, offer| Claim { claim_id: Uuid::from_u128(claim_id), attempt, offer, agent_id: "a" };
        let offered = || Task::Offered { attempt: 2, offer: 3 };
        assert_eq!(claim(offered(), Some(known(None, None)), ask(1, 2, 3)), Claimed::Granted);
        assert!(matches!(claim(offered(), Some(known(None, None)), ask(1, 2, 2)), Claimed::NotOffered(_)));
        assert!(matches!(claim(offered(), Some(known(None, None)), ask(1, 1, 3)), Claimed::NotOffered(_)));
        assert_eq!(claim(running(), Some(known(Some(1), None)), ask(1, 2, 3)), Claimed::GrantedBefore);
        assert_eq!(claim(running(), Some(known(Some(1), None)), ask(9, 2, 3)), Claimed::Taken);
        assert_eq!(claim(Task::Completed, Some(known(Some(1), Some("succeeded"))), ask(1, 2, 3)), Claimed::Over);
        assert!(matches!(claim(Task::Waiting, None, ask(1, 1, 1)), Claimed::NotOffered(_)));
    }

    #[test]
    fn a_result_counts_once_and_only_for_the_attempt_that_runs() {
        let open = known(Some(1), None);
        assert_eq!(result(running(), open, Outcome::Succeeded), Reported::Ends(Status::Completed));
        assert_eq!(result(running(), known(Some(1), Some("succeeded")), Outcome::Succeeded), Reported::Repeated);
        assert_eq!(result(running(), known(Some(1), Some("succeeded")), Outcome::Failed), Reported::Conflicting);
        assert_eq!(result(running(), Known { attempt: 1, ..open }, Outcome::Succeeded), Reported::Fenced);
        assert_eq!(result(Task::Completed, open, Outcome::Failed), Reported::Fenced);
        let claimed = Task::Claimed(Owned { attempt: 2, agent_id: "a".to_owned(), started: false, cancel_requested: false });
        assert_eq!(result(claimed, open, Outcome::NotStarted), Reported::NotStarted);
    }

    #[test]
    fn what_somebody_owned_is_offered_as_a_new_attempt() {
        let offer = |attempt, offer, is_new| Some(NextOffer { attempt, offer, is_new });
        assert_eq!(next_offer(Task::Pending, None, (0, 0), 0), offer(1, 1, true));
        assert_eq!(next_offer(Task::Waiting, Some(known(None, None)), (2, 4), 0), offer(2, 4, false));
        assert_eq!(next_offer(Task::Waiting, Some(known(Some(1), None)), (2, 4), 0), offer(3, 1, true));
        assert_eq!(next_offer(Task::Waiting, Some(known(Some(1), Some("not_started"))), (2, 4), 0), offer(3, 1, true));
        assert_eq!(next_offer(Task::Waiting, Some(known(None, None)), (2, 4), 5), offer(6, 1, true));
        assert_eq!(next_offer(running(), Some(known(Some(1), None)), (2, 4), 0), None);
    }
}

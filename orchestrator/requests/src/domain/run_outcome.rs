//! What the tasks of a run mean for their request. Pure: it looks at what is, not at what happened.

use chiffon_engine::domain::standing::Standing;

use super::request::{Event, Status};

/// What happens to a request that is `running`, `paused` or `needs_attention`, whose tasks stand so; `None`: nothing. `held`: a person
/// has paused it, also where it shows something else.
pub fn outcome(request: Status, held: bool, tasks: &[Standing]) -> Option<Event> {
    let any = |is: fn(Standing) -> bool| tasks.iter().any(|task| is(*task));
    if any(Standing::needs_a_person) {
        return (request != Status::NeedsAttention).then_some(Event::Alarm);
    }
    if any(Standing::is_moving) {
        let event = if held { Event::Hold } else { Event::GoOn };
        return (request == Status::NeedsAttention).then_some(event);
    }
    if any(Standing::was_stopped) {
        return Some(Event::Stop);
    }
    let went_well = tasks.iter().all(|task| task.went_well());
    Some(if went_well { Event::Complete } else { Event::Fail })
}

#[cfg(test)]
mod tests {
    use chiffon_engine::domain::task::Status as S;

    use super::*;

    fn of(request: Status, held: bool, statuses: &[S]) -> Option<Event> {
        let tasks: Vec<Standing> = statuses.iter().map(|&status| Standing { status, cancel_requested: false, forgiven: false }).collect();
        outcome(request, held, &tasks)
    }

    #[test]
    fn a_run_ends_when_all_its_tasks_have() {
        let of = |statuses: &[S]| of(Status::Running, false, statuses);
        assert_eq!(of(&[S::Completed, S::Running]), None);
        assert_eq!(of(&[S::Failed, S::Waiting]), None);
        assert_eq!(of(&[S::Completed, S::Completed]), Some(Event::Complete));
        assert_eq!(of(&[S::Completed, S::Failed, S::Skipped]), Some(Event::Fail));
        assert_eq!(of(&[S::Completed, S::Cancelled]), Some(Event::Stop));
        assert_eq!(of(&[S::Unknown, S::Running]), Some(Event::Alarm));
        assert_eq!(of(&[S::Interrupted, S::Completed]), Some(Event::Alarm));
    }

    #[test]
    fn attention_is_asked_for_once_and_ends_when_a_person_has_decided() {
        assert_eq!(of(Status::NeedsAttention, false, &[S::Unknown]), None);
        assert_eq!(of(Status::Paused, true, &[S::Unknown, S::Waiting]), Some(Event::Alarm));
        assert_eq!(of(Status::NeedsAttention, false, &[S::Waiting]), Some(Event::GoOn));
        assert_eq!(of(Status::NeedsAttention, true, &[S::Waiting]), Some(Event::Hold));
        assert_eq!(of(Status::Paused, true, &[S::Waiting]), None);
        assert_eq!(of(Status::NeedsAttention, false, &[S::Completed]), Some(Event::Complete));
    }

    #[test]
    fn a_run_does_not_fail_for_what_it_was_to_go_on_from_or_was_left_out() {
        let of = |tasks: &[(S, bool)]| {
            let tasks: Vec<Standing> =
                tasks.iter().map(|&(status, forgiven)| Standing { status, cancel_requested: false, forgiven }).collect();
            outcome(Status::Running, false, &tasks)
        };
        assert_eq!(of(&[(S::Failed, true), (S::Completed, false)]), Some(Event::Complete));
        assert_eq!(of(&[(S::Skipped, true), (S::Completed, false)]), Some(Event::Complete));
        assert_eq!(of(&[(S::Failed, true), (S::Failed, false)]), Some(Event::Fail));
        assert_eq!(of(&[(S::Failed, true), (S::Pending, false)]), None);
        assert_eq!(of(&[(S::Failed, true), (S::Cancelled, false)]), Some(Event::Stop));
    }

    #[test]
    fn what_a_person_stopped_half_way_needs_no_second_decision() {
        let stopped = Standing { status: S::Interrupted, cancel_requested: true, forgiven: false };
        assert_eq!(outcome(Status::Running, false, &[stopped]), Some(Event::Stop));
    }
}

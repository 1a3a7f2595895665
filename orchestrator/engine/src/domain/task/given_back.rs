//! What it means when an agent says of an attempt that it never owned that it has not begun it (RELIABILITY 8). Pure.
//!
//! It was stopped between writing the work down and hearing the answer to its claim, which may have been lost. The attempt's
//! number is used up: the same report may come once more, when somebody owns what is offered next, and must not speak of that.

use super::state::{Event, Task};

/// The task after it; `None` when that changes nothing. `newest` is the task's attempt and offer, `reported` the attempt in
/// question, `is_free` whether that has no owner and no end.
pub fn given_back(task: Task, newest: (i32, i32), reported: i32, is_free: bool) -> Option<Task> {
    let (attempt, offer) = newest;
    if reported != attempt || !is_free {
        return None;
    }
    match task {
        Task::Waiting => Some(Task::Waiting),
        other => other.on(Event::Decline { attempt, offer }).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::Owned;
    use super::*;

    #[test]
    fn only_the_newest_attempt_that_nobody_owns_is_given_back() {
        let offered = || Task::Offered { attempt: 2, offer: 3 };
        assert_eq!(given_back(offered(), (2, 3), 2, true), Some(Task::Waiting));
        assert_eq!(given_back(Task::Waiting, (2, 4), 2, true), Some(Task::Waiting));
        assert_eq!(given_back(offered(), (2, 3), 1, true), None);
        assert_eq!(given_back(Task::Waiting, (2, 4), 2, false), None);
        let claimed = Task::Claimed(Owned { attempt: 2, agent_id: "b".to_owned(), started: false, cancel_requested: false });
        assert_eq!(given_back(claimed, (2, 3), 2, false), None);
        assert_eq!(given_back(Task::Cancelled, (2, 3), 2, true), None);
    }
}

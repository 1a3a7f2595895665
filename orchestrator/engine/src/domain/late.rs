//! Whether tasks can be added to a run that is under way. Pure.
//!
//! Tasks wait for steps, and a step is over once all of its tasks are. So none is added to a step after which something has begun, and
//! none that would wait for what can't come any more.

use std::collections::{BTreeMap, BTreeSet};

use super::task::Status;

/// No run has more tasks. Each of its results reads how all of them stand, so that twice as many cost four times as much.
pub const MOST_TASKS: usize = 1_000;

/// A task that the run has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The plan's step.
    pub step_id: String,
    /// Which of the step's.
    pub iteration: i32,
    /// Where it stands.
    pub status: Status,
    /// Whether a person wants it stopped.
    pub cancel_requested: bool,
    /// Whether what follows goes on although it did not complete.
    pub lets_go_on: bool,
    /// Steps that must be over first.
    pub depends_on: Vec<String>,
}

/// A task that is to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The plan's step.
    pub step_id: String,
    /// Which of the step's.
    pub iteration: i32,
    /// Steps that must be over first.
    pub depends_on: Vec<String>,
}

/// Why they are not added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There would be too many.
    #[error("the run would have {would_be} tasks, and may have {MOST_TASKS}; divide the work among several runs")]
    TooMany {
        /// So many.
        would_be: usize,
    },
    /// Something of it is to be stopped, or was.
    #[error("step `{step_id}` of the run was stopped, or is being stopped: nothing more of it begins")]
    Stopped {
        /// The step.
        step_id: String,
    },
    /// The step has such a task.
    #[error("step `{step_id}` has a task {iteration} already")]
    AlreadyThere {
        /// The step.
        step_id: String,
        /// Which of the step's.
        iteration: i32,
    },
    /// Numbers begin at 0.
    #[error("step `{step_id}` can't have a task {iteration}: they count from 0")]
    NoNumber {
        /// The step.
        step_id: String,
        /// The number.
        iteration: i32,
    },
    /// The step has no first task.
    #[error("step `{step_id}` has no task 0, with which its tasks begin")]
    NoFirst {
        /// The step.
        step_id: String,
    },
    /// It would wait for a step that has no task.
    #[error("step `{step_id}` would wait for step `{needed}`, which has no task in this run")]
    Unknown {
        /// The step.
        step_id: String,
        /// The step before.
        needed: String,
    },
    /// It would wait for a step that did not complete.
    #[error("step `{step_id}` would wait for step `{needed}`, which is {}", status.as_str())]
    Failed {
        /// The step.
        step_id: String,
        /// The step before.
        needed: String,
        /// How that ended.
        status: Status,
    },
    /// Something has begun for which the step before was over.
    #[error("step `{after}`, which waits for all of step `{step_id}`, is {} already", status.as_str())]
    Begun {
        /// The step.
        step_id: String,
        /// The step after it.
        after: String,
        /// How that stands.
        status: Status,
    },
    /// They would wait for each other.
    #[error("step `{step_id}` would wait for itself")]
    Circle {
        /// The step.
        step_id: String,
    },
}

/// Whether these can be added to those.
pub fn check(made: &[Made], wanted: &[Wanted]) -> Result<(), Refusal> {
    let would_be = made.len() + wanted.len();
    if would_be > MOST_TASKS {
        return Err(Refusal::TooMany { would_be });
    }
    if let Some(stopped) = made.iter().find(|task| task.cancel_requested || task.status == Status::Cancelled) {
        return Err(Refusal::Stopped { step_id: stopped.step_id.clone() });
    }
    let mut taken: BTreeSet<(&str, i32)> = made.iter().map(|task| (task.step_id.as_str(), task.iteration)).collect();
    for task in wanted {
        if task.iteration < 0 {
            return Err(Refusal::NoNumber { step_id: task.step_id.clone(), iteration: task.iteration });
        }
        if !taken.insert((&task.step_id, task.iteration)) {
            return Err(Refusal::AlreadyThere { step_id: task.step_id.clone(), iteration: task.iteration });
        }
    }
    if let Some(task) = wanted.iter().find(|task| !taken.contains(&(task.step_id.as_str(), 0))) {
        return Err(Refusal::NoFirst { step_id: task.step_id.clone() });
    }
    let steps: BTreeSet<&str> = taken.iter().map(|(step_id, _)| *step_id).collect();
    wanted.iter().try_for_each(|task| can_wait(made, &steps, task))?;
    without_circle(made, wanted)
}

fn can_wait(made: &[Made], steps: &BTreeSet<&str>, task: &Wanted) -> Result<(), Refusal> {
    for needed in &task.depends_on {
        let (step_id, needed) = (task.step_id.clone(), needed.clone());
        if !steps.contains(needed.as_str()) {
            return Err(Refusal::Unknown { step_id, needed });
        }
        // What was cut off is a person's to decide about: it may still complete.
        let is_lost = |before: &&Made| matches!(before.status, Status::Failed | Status::Skipped) && !before.lets_go_on;
        if let Some(before) = made.iter().filter(|before| before.step_id == needed).find(is_lost) {
            return Err(Refusal::Failed { step_id, needed, status: before.status });
        }
    }
    let begun = made.iter().find(|after| after.depends_on.contains(&task.step_id) && after.status != Status::Pending);
    match begun {
        Some(after) => Err(Refusal::Begun { step_id: task.step_id.clone(), after: after.step_id.clone(), status: after.status }),
        None => Ok(()),
    }
}

fn without_circle(made: &[Made], wanted: &[Wanted]) -> Result<(), Refusal> {
    let mut before: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let all = made.iter().map(|task| (&task.step_id, &task.depends_on)).chain(wanted.iter().map(|task| (&task.step_id, &task.depends_on)));
    for (step_id, depends_on) in all {
        before.entry(step_id).or_default().extend(depends_on.iter().map(String::as_str));
    }
    for task in wanted {
        let (mut seen, mut next) = (BTreeSet::new(), vec![task.step_id.as_str()]);
        while let Some(step_id) = next.pop() {
            for needed in before.get(step_id).into_iter().flatten() {
                if *needed == task.step_id {
                    return Err(Refusal::Circle { step_id: task.step_id.clone() });
                }
                if seen.insert(*needed) {
                    next.push(needed);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(step_id: &str, status: Status, depends_on: &[&str]) -> Made {
        let depends_on = depends_on.iter().map(|&step| step.to_owned()).collect();
        Made { step_id: step_id.to_owned(), iteration: 0, status, cancel_requested: false, lets_go_on: false, depends_on }
    }

    fn wanted(step_id: &str, iteration: i32, depends_on: &[&str]) -> Wanted {
        Wanted { step_id: step_id.to_owned(), iteration, depends_on: depends_on.iter().map(|&step| step.to_owned()).collect() }
    }

    #[test]
    fn a_step_gets_further_tasks_before_anything_after_it_has_begun() {
        let of =
            |status| [made("list", Status::Completed, &[]), made("copy", Status::Running, &["list"]), made("report", status, &["copy"])];
        let more = [wanted("copy", 1, &["list"]), wanted("copy", 2, &["list"])];
        assert_eq!(check(&of(Status::Pending), &more), Ok(()));
        for status in [Status::Waiting, Status::Running, Status::Completed, Status::Unknown] {
            let begun = Refusal::Begun { step_id: "copy".to_owned(), after: "report".to_owned(), status };
            assert_eq!(check(&of(status), &more), Err(begun));
        }
    }

    #[test]
    fn nothing_is_added_that_would_wait_for_ever() {
        let run = |status| [made("list", status, &[]), made("copy", Status::Pending, &["list"])];
        let one = |needed: &str| [wanted("check", 0, &[needed])];
        assert!(matches!(check(&run(Status::Running), &one("fetch")), Err(Refusal::Unknown { .. })));
        for status in [Status::Failed, Status::Skipped] {
            assert!(matches!(check(&run(status), &one("list")), Err(Refusal::Failed { .. })), "{status:?}");
        }
        assert_eq!(check(&run(Status::Interrupted), &one("list")), Ok(()));
        let passed = Made { lets_go_on: true, ..made("list", Status::Failed, &[]) };
        assert_eq!(check(&[passed], &one("list")), Ok(()));
        assert!(matches!(check(&run(Status::Running), &[wanted("list", 1, &["copy"])]), Err(Refusal::Circle { .. })));
        assert!(matches!(check(&run(Status::Running), &[wanted("copy", 1, &["copy"])]), Err(Refusal::Circle { .. })));
    }

    #[test]
    fn a_task_is_one_and_there_are_not_too_many() {
        let run = [made("list", Status::Running, &[])];
        assert!(matches!(check(&run, &[wanted("list", 0, &[])]), Err(Refusal::AlreadyThere { .. })));
        assert!(matches!(check(&run, &[wanted("copy", 1, &[]), wanted("copy", 1, &[])]), Err(Refusal::AlreadyThere { .. })));
        assert!(matches!(check(&run, &[wanted("copy", 1, &[])]), Err(Refusal::NoFirst { .. })));
        assert!(matches!(check(&run, &[wanted("copy", -1, &[])]), Err(Refusal::NoNumber { .. })));
        let many = |most: i32| (1..=most).map(|iteration| wanted("list", iteration, &[])).collect::<Vec<_>>();
        assert_eq!(check(&run, &many(999)), Ok(()));
        assert_eq!(check(&run, &many(1_000)), Err(Refusal::TooMany { would_be: 1_001 }));
    }

    #[test]
    fn nothing_is_added_to_what_is_stopped() {
        let stopping = Made { cancel_requested: true, ..made("list", Status::Running, &[]) };
        for task in [stopping, made("list", Status::Cancelled, &[])] {
            assert!(matches!(check(&[task], &[wanted("copy", 0, &[])]), Err(Refusal::Stopped { .. })));
        }
    }
}

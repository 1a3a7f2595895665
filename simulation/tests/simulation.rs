//! The promises over two hundred thousand schedules; and mistakes made on purpose, each of which must be found.

use chiffon_simulation::{
    APPROVED_AS_SEEN, APPROVED_ONCE, Bug, IN_ORDER, KEPT_APART, LEFT_OUT, NOT_REPEATED, ONCE, RECORDS_TRUE, play_many, replay,
};

/// The schedules of one run of the suite.
const SCHEDULES: u64 = 200_000;

#[test]
fn no_schedule_of_faults_breaks_a_promise() {
    let summary = play_many(1, SCHEDULES, None);
    if let Some(failure) = summary.failures.first() {
        panic!(
            "{}\n\nseed {}: {}\nreplay it: make simulate ARGS=\"--seed {}\"",
            replay(failure.seed, None),
            failure.seed,
            failure.violation,
            failure.seed
        );
    }
    assert_eq!(summary.schedules, SCHEDULES);
    // A simulation in which little happens proves little.
    assert!(summary.executions > SCHEDULES / 2 && summary.faults > SCHEDULES * 10 && summary.ended > SCHEDULES / 4, "{summary:?}");
}

fn is_found(bug: Bug, invariants: &[&str]) {
    let summary = play_many(1, 20_000, Some(bug));
    let failure = summary.failures.first().unwrap_or_else(|| panic!("{bug:?} was not found: {summary:?}"));
    assert!(
        invariants.contains(&failure.violation.invariant),
        "{bug:?} broke something else, seed {}: {}",
        failure.seed,
        failure.violation
    );
}

#[test]
fn a_delivery_that_is_taken_for_a_permission_is_found() {
    is_found(Bug::AckBeforeClaim, &[ONCE, NOT_REPEATED, chiffon_simulation::NOT_SIDE_BY_SIDE, chiffon_simulation::HOSTS_APART]);
}

#[test]
fn a_result_without_a_fence_is_found() {
    is_found(Bug::NoFenceOnResults, &[RECORDS_TRUE, chiffon_simulation::ENDS_STAY]);
}

#[test]
fn an_approval_that_is_not_consumed_is_found() {
    is_found(Bug::ApprovalNotConsumed, &[APPROVED_ONCE]);
}

#[test]
fn an_approval_that_counts_for_the_next_plan_is_found() {
    is_found(Bug::OldApprovalsCount, &[APPROVED_AS_SEEN]);
}

#[test]
fn work_for_a_host_that_is_kept_is_found() {
    is_found(Bug::KeptHostGivenOut, &[KEPT_APART]);
}

#[test]
fn steps_that_nobody_wakes_are_found() {
    is_found(Bug::StepsNotWoken, &["everything settles once faults stop"]);
}

#[test]
fn a_failure_that_is_tried_again_although_it_may_not_be_repeated_is_found() {
    is_found(Bug::FailureRepeated, &[NOT_REPEATED]);
}

#[test]
fn a_step_about_which_nobody_is_asked_is_found() {
    is_found(Bug::WhenNotAsked, &[LEFT_OUT]);
}

#[test]
fn a_late_task_that_nobody_waits_for_is_found() {
    is_found(Bug::LateOneNotWaitedFor, &[IN_ORDER]);
}

//! What a step asks of its run, beside being done once all before it is: whether it runs at all (`when`), what becomes of the steps
//! after it where it fails (`on_failure`), and whether it is tried again then (`retry`). Pure. Steps without any of it are as ever.

use chiffon_protocol::action::Repeatable;
use chiffon_protocol::{ErrorCode, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::plan::{Phase, PlanDocument, Step};
use super::reference::{OutputsByStep, Reference, lookup};

/// No step is tried more often.
pub const MOST_ATTEMPTS: u32 = 20;
/// No pause before another attempt is longer: a day.
pub const LONGEST_DELAY_SECONDS: u64 = 24 * 60 * 60;

/// What becomes of the steps after one that has failed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// They are skipped, and the run fails. So it is where a step says nothing.
    Abort,
    /// They go on as if it had completed, without its outputs, and the run does not fail for it.
    Continue,
    /// They are skipped, at any distance, and the run does not fail for it.
    Skip,
}

/// Which failures are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// What may pass by itself: a host that was not reached, a time that ran out, whatever its code says of trying again.
    Transient,
    /// Everything else.
    Permanent,
}

impl Class {
    /// The class of what has gone wrong.
    pub fn of(code: ErrorCode) -> Self {
        let passes = matches!(code, ErrorCode::HostUnreachable | ErrorCode::PlayTimeout) || code.is_retryable();
        if passes { Self::Transient } else { Self::Permanent }
    }
}

/// How a step is tried again after its result says that it failed. Nothing has a default: what is written is what is hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The most attempts, the first included: 2 to [`MOST_ATTEMPTS`].
    pub max_attempts: u32,
    /// The pause before the second attempt; it doubles with each further one.
    pub initial_delay_seconds: u64,
    /// The longest pause, [`LONGEST_DELAY_SECONDS`] at most.
    pub max_delay_seconds: u64,
    /// Whether each pause is shortened by up to its half, so that many that failed together are not tried together.
    pub jitter: bool,
    /// Which failures, without doubles.
    pub on: Vec<Class>,
}

/// What is wrong with what steps ask. They must be in an order in which they could run.
pub fn problems(steps: &[Step]) -> Vec<Problem> {
    steps.iter().flat_map(|step| of_step(step).into_iter().map(|what| refused(step, &what))).collect()
}

/// The first thing that is wrong.
pub fn check(steps: &[Step]) -> Result<(), Problem> {
    problems(steps).into_iter().next().map_or(Ok(()), Err)
}

fn refused(step: &Step, what: &str) -> Problem {
    Problem::new(ErrorCode::InvalidPlan, format!("step `{}`: {what}", step.step_id)).with_details(json!({"step_id": step.step_id}))
}

fn of_step(step: &Step) -> Vec<String> {
    let mut problems = Vec::new();
    if step.phase == Phase::Discover && (step.when.is_some() || step.on_failure.is_some()) {
        problems
            .push("it runs before the approval, so it can have neither `when` nor `on_failure`: the plan needs what it finds".to_owned());
    }
    if let Some(when) = &step.when {
        match Reference::whole(&json!(when)) {
            None => problems.push(format!("`when` is `{when}`, and has to be one reference: `${{steps.<step>.outputs.<name>}}`")),
            Some(reference) if !step.depends_on.contains(&reference.step_id) => {
                problems.push(format!("`when` looks at {reference}, and it does not depend on step `{}`", reference.step_id));
            }
            Some(_) => {}
        }
    }
    problems.extend(step.retry.iter().flat_map(|retry| of_retry(step, retry)));
    problems
}

fn of_retry(step: &Step, retry: &Retry) -> Vec<String> {
    let mut problems = Vec::new();
    if !(2..=MOST_ATTEMPTS).contains(&retry.max_attempts) {
        problems.push(format!("`retry.max_attempts` is {}, and has to be 2 to {MOST_ATTEMPTS}", retry.max_attempts));
    }
    if retry.max_delay_seconds > LONGEST_DELAY_SECONDS || retry.initial_delay_seconds > retry.max_delay_seconds {
        problems.push(format!(
            "`retry` waits from {} up to {} seconds, and has to begin with no more than it ends with, which is at most {LONGEST_DELAY_SECONDS}",
            retry.initial_delay_seconds, retry.max_delay_seconds
        ));
    }
    if retry.on.is_empty() || !retry.on.is_sorted_by(|one, next| one < next) {
        problems.push("`retry.on` has to name `transient`, `permanent` or both in this order".to_owned());
    }
    if step.phase == Phase::Apply && step.repeatable != Repeatable::Yes {
        problems.push("its action is not declared as repeatable (`repeatable: yes`), so it can have no `retry`".to_owned());
    }
    problems
}

/// Whether a step is to run, by what came out of the steps before it: it has no `when`, or that is neither false, null, 0, nor empty.
/// What can't be decided is a named problem, never a guess.
pub fn is_to_run(step: &Step, outputs: &OutputsByStep) -> Result<bool, Problem> {
    let Some(when) = &step.when else { return Ok(true) };
    let undecided = |reason: String| {
        let message = format!("step `{}`: its `when` ({when}) can't be decided: {reason}", step.step_id);
        Problem::new(ErrorCode::OutputsInvalid, message).with_details(json!({"step_id": step.step_id, "when": when}))
    };
    let reference = Reference::whole(&json!(when)).ok_or_else(|| undecided("it is not one reference".to_owned()))?;
    match lookup(&reference, outputs, true).map_err(undecided)? {
        Some(value) => Ok(holds(value)),
        None => Err(undecided(format!("step `{}` has not run", reference.step_id))),
    }
}

fn holds(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// Steps that stayed from one revision to the next go on asking what they asked, which is then [checked](check): nothing that had a
/// `when` runs without it because the step that it looked at is gone.
pub(super) fn carry_over(plan: &mut PlanDocument, previous: &PlanDocument) {
    for step in &mut plan.steps {
        let Some(before) = previous.step(&step.step_id).filter(|before| before.tool.uri == step.tool.uri) else { continue };
        step.when.clone_from(&before.when);
        step.on_failure = before.on_failure;
        step.retry.clone_from(&before.retry);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn step(more: Value) -> Step {
        let mut step = json!({
            "step_id": "two", "title": "Two", "tool": {"uri": "agent:infrastructure/set_up", "sha256": "a"}, "parameters": {}, "hosts": ["nas"],
            "depends_on": ["one"], "resources_required": {}, "risk": "low", "repeatable": "yes", "check": "full", "timeout_seconds": 60,
            "phase": "apply",
        });
        if let (Value::Object(step), Value::Object(more)) = (&mut step, more) {
            step.extend(more);
        }
        serde_json::from_value(step).expect("a step")
    }

    fn outputs(value: Value) -> OutputsByStep {
        OutputsByStep::from([("one".to_owned(), Map::from_iter([("due".to_owned(), value)]))])
    }

    const WHEN: &str = "${steps.one.outputs.due}";

    #[test]
    fn what_is_false_null_zero_or_empty_does_not_hold() {
        let step = step(json!({"when": WHEN}));
        for value in [json!(false), json!(null), json!(0), json!(0.0), json!(""), json!([]), json!({})] {
            assert_eq!(is_to_run(&step, &outputs(value.clone())), Ok(false), "{value}");
        }
        for value in [json!(true), json!(1), json!(-0.5), json!("false"), json!([0]), json!({"a": null})] {
            assert_eq!(is_to_run(&step, &outputs(value.clone())), Ok(true), "{value}");
        }
    }

    #[test]
    fn what_is_not_there_is_a_problem_and_no_guess() {
        let step = step(json!({"when": WHEN}));
        let problem = is_to_run(&step, &OutputsByStep::new()).expect_err("it has not run");
        assert_eq!(problem.code, ErrorCode::OutputsInvalid);
        assert!(problem.message.contains("`one` has not run"), "{}", problem.message);
        let other = OutputsByStep::from([("one".to_owned(), Map::new())]);
        let problem = is_to_run(&step, &other).expect_err("it gave nothing");
        assert!(problem.message.contains("gave no output `due`"), "{}", problem.message);
    }

    #[test]
    fn only_what_can_be_kept_is_taken() {
        let retry = |most: u32, first: u64, longest: u64, on: &[&str]| json!({"retry": {"max_attempts": most, "initial_delay_seconds": first, "max_delay_seconds": longest, "jitter": true, "on": on}});
        let said = |more: Value| problems(&[step(more)]).into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ");
        for good in [json!({}), json!({"when": WHEN, "on_failure": "skip"}), retry(5, 1, 60, &["transient"])] {
            assert_eq!(said(good.clone()), "", "{good}");
        }
        assert!(said(json!({"when": "${steps.zero.outputs.due}"})).contains("does not depend on step `zero`"));
        assert!(said(json!({"when": "yes, ${steps.one.outputs.due}"})).contains("one reference"));
        assert!(said(json!({"phase": "discover", "on_failure": "continue"})).contains("before the approval"));
        assert!(said(retry(1, 1, 60, &["transient"])).contains("2 to 20"));
        assert!(said(retry(5, 61, 60, &["transient"])).contains("from 61 up to 60"));
        assert!(said(retry(5, 1, 60, &[])).contains("`retry.on`"));
        assert!(said(retry(5, 1, 60, &["permanent", "transient"])).contains("`retry.on`"));
        let mut once = retry(5, 1, 60, &["transient"]);
        once["repeatable"] = json!("check_first");
        assert!(said(once).contains("not declared as repeatable"));
    }

    #[test]
    fn what_may_pass_by_itself_is_transient() {
        for code in [ErrorCode::HostUnreachable, ErrorCode::PlayTimeout, ErrorCode::DesktopBusy] {
            assert_eq!(Class::of(code), Class::Transient);
        }
        assert_eq!(Class::of(ErrorCode::PlayFailed), Class::Permanent);
    }
}

//! An attempt of which its owner says that it has failed, of a task whose run wants to be asked whether another follows.
//!
//! The run says how often and when. Whether it may be is not its to say: what is not repeatable, is to be stopped, or is a dry run, is never
//! tried again (RELIABILITY 13); and what was cut off or is unknown keeps its own rules, whatever the run would want.

use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::Problem;
use chiffon_protocol::message::WorkResult;
use chrono::TimeDelta;
use serde_json::json;

use super::run::{FailedAttempt, Follow};
use super::{Context, end_task, retry, task_story, wait};
use crate::domain::task::{CutOff, Event, Status, Why};
use crate::store::task_locks::Locked;

/// Whether it is tried again, which is then done; where it is not, its problem says why. Its result is stored.
pub(super) async fn is_tried_again(
    context: &Context,
    work: &mut Work,
    locked: &Locked,
    result: &WorkResult,
    problem: &mut Problem,
) -> Result<bool, store::Error> {
    let (task, tries) = (&locked.task, locked.tries);
    let follow = match may_follow(locked) {
        Ok(()) => context.run.after_failure(context, work, FailedAttempt { task, tries, code: problem.code }).await?,
        Err(why) => Follow::Nothing(why.text().to_owned()),
    };
    let (after, of) = match follow {
        Follow::Again { after, of } => (after, of),
        Follow::Nothing(why) => {
            let after = if tries > 1 { format!(" after {tries} attempts") } else { String::new() };
            problem.message = format!("{}. It is not tried again{after}: {why}", problem.message.trim_end_matches('.'));
            return Ok(false);
        }
    };
    let number = tries.saturating_add(1);
    let at = work.now() + TimeDelta::from_std(after).unwrap_or(TimeDelta::days(1));
    let reason = problem.message.trim_end_matches('.');
    let text = format!("it failed ({reason}); attempt {number} of {of} begins at {} UTC", at.format("%Y-%m-%d %H:%M:%S"));
    let agent = locked.attempt.as_ref().and_then(|owner| owner.agent_id.as_deref()).unwrap_or("chiffon");
    let particulars = json!({
        "agent_id": agent, "exit_code": result.exit_code, "changed": result.changed, "duration_seconds": result.duration_seconds,
        "warnings": result.warnings, "error": problem, "next": number, "of": of, "not_before": at,
    });
    task_story::tell(work, task, Status::Waiting, agent, "task.attempt_failed", particulars);
    retry::again(context, work, locked, Some(after), &text).await?;
    end_task::settle(context, work, &[task.request_id]).await?;
    wait::mirror_task(work, task.id).await?;
    Ok(true)
}

fn may_follow(locked: &Locked) -> Result<(), Why> {
    let task = &locked.task;
    let failed = CutOff {
        purpose: task.purpose,
        repeatable: task.repeatable,
        can_be_checked: false,
        cancel_requested: task.cancel_requested_at.is_some(),
        verified: locked.attempt.as_ref().is_none_or(|attempt| attempt.verified),
        tries: locked.tries,
    };
    failed.may_follow_failure()?;
    if task.attempt <= task.fenced_attempt {
        return Err(Why::Restored);
    }
    locked.state().on(Event::TryAgain { attempt: task.attempt }).map(drop).map_err(|_| Why::Stopping)
}

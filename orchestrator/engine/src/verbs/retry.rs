//! Trying again what was cut off: by itself only with proof that the attempt does not run any more, and only what may be repeated
//! (RELIABILITY 13). The rule is `domain::task::Limits`; everything else is a person's decision (`resolve`).

use chiffon_kernel::domain::waiting::{Wait, What};
use std::time::Duration;

use chiffon_kernel::store::{self, leases};
use chiffon_kernel::verbs::work::Work;
use chiffon_process::shown;
use chiffon_protocol::action::Repeatable;
use chiffon_records::store::git_outbox;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::lose_attempt::Fence;
use super::{Context, end_task, fresh_preview, task_story, wait};
use crate::domain::task::{CutOff, Event, Next, Proof, Status, Why, over_at};
use crate::store::attempts::{self, Attempt};
use crate::store::task_locks;
use crate::store::task_locks::{Locked, OfRequest};
use crate::store::task_waits::{Again, set_again};
use crate::store::{fresh_previews, host_locks};

/// How many are looked at in one go.
const BATCH: i64 = 100;

/// What follows when the newest attempt of a task was cut off, once it is proved not to run any more.
pub(super) async fn judge(context: &Context, work: &mut Work, locked: &Locked) -> Result<Next, store::Error> {
    let task = &locked.task;
    if task.attempt <= task.fenced_attempt {
        return Ok(Next::Person(Why::Restored));
    }
    Ok(context.settings.retry.next(&CutOff {
        purpose: task.purpose,
        repeatable: task.repeatable,
        can_be_checked: task.repeatable == Repeatable::CheckFirst && fresh_previews::is_possible(work, task.id).await?,
        cancel_requested: task.cancel_requested_at.is_some(),
        verified: locked.attempt.as_ref().is_none_or(|attempt| attempt.verified),
        tries: locked.tries,
    }))
}

/// What proves at this moment that the newest attempt of a task does not run any more.
pub fn proof(context: &Context, locked: &Locked) -> Option<Proof> {
    if locked.task.status == Status::Interrupted {
        return Some(Proof::ItsReport);
    }
    // After a restore this attempt need not be the last one that was made.
    if locked.task.attempt <= locked.task.fenced_attempt {
        return None;
    }
    over(context, locked).filter(|over| *over <= context.clock.now()).map(|_| Proof::RunTimeOver)
}

/// When the newest attempt can't run any more, whoever keeps silent about it.
pub fn over(context: &Context, locked: &Locked) -> Option<DateTime<Utc>> {
    let run = Duration::from_secs(locked.task.timeout_seconds.unsigned_abs());
    let claimed_at = locked.attempt.as_ref().and_then(|attempt: &Attempt| attempt.claimed_at)?;
    Some(over_at(claimed_at, context.settings.start_within, run, context.settings.retry.margin))
}

/// What happens to a task that was cut off, in words. `proved`: it does not run any more.
pub(super) fn prospect(context: &Context, locked: &Locked, next: Next, proved: bool) -> String {
    let at = over(context, locked).map(|at| shown(at).to_string()).unwrap_or_default();
    match next {
        Next::Again { number, .. } => {
            format!("When it has reported nothing by {at}, it is tried again by itself (try {number} of {})", context.settings.retry.tries)
        }
        Next::Person(why) => format!("It is not tried again by itself: {}", why.text()),
        Next::Check if proved => format!("It is not tried again by itself: {}. A fresh dry run is made for that", Why::NoPreview.text()),
        Next::Check => format!(
            "It is not tried again by itself: {}. When it has reported nothing by {at}, a fresh dry run is made for that",
            Why::NoPreview.text()
        ),
        Next::Nothing => "It was to be stopped, so it is not tried again".to_owned(),
    }
}

/// Puts a task whose attempt was cut off back to wait for its next one; its request is not looked at. `text` is what it says, and
/// what it waits for with a pause.
pub async fn again(context: &Context, work: &mut Work, locked: &Locked, pause: Option<Duration>, text: &str) -> Result<(), store::Error> {
    let (task, now) = (&locked.task, context.clock.now());
    let not_before = pause.map(|pause| now + TimeDelta::from_std(pause).unwrap_or(TimeDelta::minutes(5)));
    let waiting_for = wait::value(context, task, &Wait::new(if pause.is_some() { What::Retry } else { What::Agent }, text));
    host_locks::release(work, &[task.id]).await?;
    git_outbox::drop_unrendered(work, task.id).await?;
    let again = Again { task_id: task.id, from: task.status, waiting_for: &waiting_for, not_before, message: text };
    set_again(work, &again, now).await?;
    work.wake_dispatcher();
    task_story::show(work, task, &json!({"status": "waiting", "waiting_for": waiting_for}));
    Ok(())
}

/// The same by itself, with its audit row; then its request is looked at, and shows what it waits for.
pub(super) async fn by_itself(
    context: &Context,
    work: &mut Work,
    locked: &Locked,
    (after, number): (Duration, u32),
    proof: Proof,
) -> Result<(), store::Error> {
    let task = &locked.task;
    let proved = match proof {
        Proof::ItsReport => "its attempt was cut off",
        Proof::RunTimeOver => "its agent is silent, and its longest run time is over",
    };
    let at = context.clock.now() + TimeDelta::from_std(after).unwrap_or(TimeDelta::minutes(5));
    let of = context.settings.retry.tries;
    let text = format!("{proved}; try {number} of {of} begins at {} UTC", at.format("%H:%M:%S"));
    again(context, work, locked, Some(after), &text).await?;
    let particulars = json!({"try": number, "of": of, "not_before": at, "proof": proof.as_str(), "reason": proved});
    task_story::tell(work, task, Status::Waiting, "chiffon", "task.retried", particulars);
    end_task::settle(context, work, &[task.request_id]).await?;
    wait::mirror_task(work, task.id).await
}

/// Sees to what is unknown and can't run any more: tries again what may be repeated, and makes the fresh dry run of what wants a
/// look first; how many. The caller holds the lease of the fence, and
/// knows that reports were taken in without trouble for a whole lease.
pub async fn run(context: &Context, fence: Fence) -> Result<usize, store::Error> {
    let (now, limits) = (context.clock.now(), &context.settings.retry);
    let beyond = context.settings.start_within.saturating_add(limits.margin);
    let mut connection = context.store.acquire().await?;
    let mut over = attempts::list_over(&mut connection, now, beyond, limits.tries, BATCH).await?;
    over.extend(fresh_previews::list_wanted(&mut connection, now, beyond, BATCH).await?);
    drop(connection);
    let mut tried = 0;
    for task_id in over {
        tried += usize::from(one(context, fence, task_id).await?);
    }
    Ok(tried)
}

async fn one(context: &Context, fence: Fence, task_id: Uuid) -> Result<bool, store::Error> {
    let mut work = context.begin().await?;
    let Some(OfRequest { .. }) = task_locks::lock_request_of(&mut work, task_id).await? else { return Ok(false) };
    let Some(locked) = task_locks::lock(&mut work, task_id).await?.filter(|locked| locked.task.status == Status::Unknown) else {
        return Ok(false);
    };
    if !leases::is_held(&mut work, fence.lease, fence.epoch).await? {
        return Ok(false);
    }
    let attempt = locked.task.attempt;
    let Some(proof) = proof(context, &locked) else { return Ok(false) };
    let (after, number) = match judge(context, &mut work, &locked).await? {
        Next::Again { after, number } => (after, number),
        Next::Check => return look(context, work, &locked).await,
        Next::Person(_) | Next::Nothing => return Ok(false),
    };
    if locked.state().on(Event::Retry { attempt }).is_err() {
        return Ok(false);
    }
    by_itself(context, &mut work, &locked, (after, number), proof).await?;
    work.commit().await?;
    tracing::warn!(%task_id, attempt, "the longest run time of a silent attempt is over; its task is tried again");
    Ok(true)
}

async fn look(context: &Context, mut work: Work, locked: &Locked) -> Result<bool, store::Error> {
    if !fresh_preview::make(context, &mut work, locked).await? {
        return Ok(false);
    }
    end_task::settle(context, &mut work, &[locked.task.request_id]).await?;
    work.commit().await?;
    let (task_id, attempt) = (locked.task.id, locked.task.attempt);
    tracing::warn!(%task_id, attempt, "the longest run time of a silent attempt is over; a fresh dry run shows what is left to do");
    Ok(true)
}

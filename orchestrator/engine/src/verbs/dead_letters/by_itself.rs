//! What is done about a dead letter without a person (RELIABILITY 3): work goes back to its attempt at once, and what the
//! broker gave up on is sent again, once. A fault of ours is tried again after pauses, because it may have been a passing one.
//!
//! Only what is authentic; anything else lies there for a person.

use std::time::Duration;

use chiffon_kernel::store::{self, principal_keys};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::{ErrorCode, Problem};
use uuid::Uuid;

use super::replay::{headers, send, settle, settled};
use super::way::{self, Way};
use crate::store::dead_letters::{self, Letter};
use crate::verbs::{Context, unclaimed};

/// Who does it, in the records.
const ACTOR: &str = "chiffon";
/// An offer upon which the broker gave up so often is not made again.
const DEATHS_AT_MOST: i64 = 2;
/// The longest pause before an offer that keeps dying is made again.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// Faults of ours, and what somebody may have put in order since.
const FAULTS: [ErrorCode; 2] = [ErrorCode::Internal, ErrorCode::StoredDataUnreadable];
/// When a message that died of a fault of ours is tried again, after each death; then it waits for a person.
const AFTER_A_FAULT: [Duration; 3] = [Duration::from_mins(1), Duration::from_mins(10), Duration::from_hours(1)];

/// Leads a letter back if that is safe. Doing it twice does nothing the second time.
pub async fn run(context: &Context, id: Uuid) -> Result<(), store::Error> {
    let mut work = context.begin().await?;
    let Some(letter) = dead_letters::lock(&mut work, id).await?.filter(|letter| settled(letter).is_none()) else { return Ok(()) };
    let principals = principal_keys::ring(&mut work).await?;
    match way::find(context, &principals, &letter, &headers(&letter)) {
        Ok(Way::Offer { task_id, attempt, offer }) => {
            let deaths = dead_letters::count_offers(&mut work, task_id, attempt).await?;
            drop(work);
            take_back(context, &letter, task_id, (attempt, offer), deaths).await
        }
        Ok(Way::Send) if letter.code.is_none() && letter.replays == 0 => resend(context, work, &letter).await,
        Ok(Way::Send) | Err(_) => Ok(()),
    }
}

/// Tries messages again that died of a fault of ours; how many.
pub async fn after_faults(context: &Context) -> Result<usize, store::Error> {
    let pauses = AFTER_A_FAULT.map(|pause| pause.as_secs_f64());
    let mut connection = context.store.acquire().await?;
    let codes = FAULTS.map(|code| i32::from(code.number()));
    let due = dead_letters::list_faults(&mut connection, &codes, &pauses, context.clock.now()).await?;
    drop(connection);
    let mut sent = 0;
    for id in due {
        let mut work = context.begin().await?;
        let Some(letter) = dead_letters::lock(&mut work, id).await?.filter(|letter| settled(letter).is_none()) else { continue };
        let principals = principal_keys::ring(&mut work).await?;
        if matches!(way::find(context, &principals, &letter, &headers(&letter)), Ok(Way::Send)) {
            resend(context, work, &letter).await?;
            sent += 1;
        }
    }
    Ok(sent)
}

async fn resend(context: &Context, mut work: Work, letter: &Letter) -> Result<(), store::Error> {
    let note = send(context, &mut work, letter);
    settle(context, &mut work, ACTOR, letter, &note).await?;
    work.commit().await
}

/// Takes an offer back. What keeps dying is offered ever more rarely; what the broker gave up on twice, because nobody who took it
/// lived to answer, is set aside.
async fn take_back(
    context: &Context,
    letter: &Letter,
    task_id: Uuid,
    (attempt, offer): (i32, i32),
    deaths: i64,
) -> Result<(), store::Error> {
    let doublings = u32::try_from(deaths.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let pause = context.settings.claim_within.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    let why = match letter.code {
        None => format!("the broker gave up on its offer ({}) (5019); it is offered again", letter.reason),
        Some(code) => format!("its offer was rejected: {} ({code}); it is offered again", letter.reason),
    };
    let taken_back = unclaimed::died(context, task_id, (attempt, offer), &why, Some(context.clock.now() + pause)).await?;
    let is_set_aside = taken_back
        && letter.code.is_none()
        && deaths >= DEATHS_AT_MOST
        && {
            let message = format!(
                "the broker gave up on its offer {deaths} times ({}): whoever took it never answered, and it may be what ends them. It is not offered \
             again; look at the agents' logs, and ask again if it was a coincidence",
                letter.reason
            );
            unclaimed::set_aside(context, task_id, &Problem::new(ErrorCode::SetAside, message)).await?
        };
    let note = if is_set_aside {
        format!("task {task_id} is set aside: its offers died {deaths} times")
    } else if taken_back {
        format!("task {task_id} was taken back and is offered again")
    } else {
        format!("nothing waits for this offer of task {task_id} any more")
    };
    let mut work = context.begin().await?;
    let Some(letter) = dead_letters::lock(&mut work, letter.id).await?.filter(|letter| settled(letter).is_none()) else {
        return Ok(());
    };
    settle(context, &mut work, ACTOR, &letter, &note).await?;
    work.commit().await
}

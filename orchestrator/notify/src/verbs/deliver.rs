//! Delivers what is due, channel by channel. A try is claimed before it is made, so that two processes never make the same one; what became
//! of it is noted after it. A process that dies between leaves the try to be made again, under the same id.

use chiffon_kernel::store::principals;
use chiffon_protocol::Problem;
use chrono::TimeDelta;
use futures::future::join_all;
use sqlx::PgConnection;

use super::{Context, digest, people, send};
use crate::domain::backoff::{self, Failed};
use crate::domain::channel::Channel;
use crate::domain::kind::Kind;
use crate::store::notices::{self, Due};
use crate::store::{counts, read};

/// A try that is not noted by then is made again.
const CLAIMED_FOR: TimeDelta = TimeDelta::seconds(60);
/// So many of one channel go out in one look.
const MOST: usize = 20;

/// Delivers what is due; how many were settled.
pub async fn run(context: &Context) -> Result<usize, Problem> {
    let done = join_all(context.settings.channels.iter().map(|channel| of_channel(context, channel))).await;
    done.into_iter().sum()
}

async fn of_channel(context: &Context, channel: &Channel) -> Result<usize, Problem> {
    let mut settled = 0;
    while settled < MOST {
        let now = context.clock.now();
        let claimed = {
            let mut work = context.begin().await?;
            notices::lock(&mut work, &channel.name).await?;
            let claimed = notices::claim(&mut work, &channel.name, now, now + CLAIMED_FOR).await?;
            work.commit().await?;
            claimed
        };
        if claimed.is_empty() {
            break;
        }
        settled += claimed.len();
        if !message(context, channel, claimed).await? {
            break;
        }
    }
    Ok(settled)
}

/// Delivers what is told in one message; whether the channel is to go on.
async fn message(context: &Context, channel: &Channel, claimed: Vec<Due>) -> Result<bool, Problem> {
    let mut dues = Vec::with_capacity(claimed.len());
    for due in claimed {
        match useless(context, channel, &due).await? {
            None => dues.push(due),
            Some(why) => {
                let mut connection = context.store.acquire().await?;
                notices::settle(&mut connection, &due, "withdrawn", Some(&why), context.clock.now()).await?;
            }
        }
    }
    let Some(said) = digest::said(context, channel, &dues).await? else { return Ok(true) };
    let sent = send::send(context, channel, &said).await;
    note(context, channel, &dues, sent).await
}

/// Notes how a try went; whether the channel is to go on.
async fn note(context: &Context, channel: &Channel, dues: &[Due], sent: Result<(), Failed>) -> Result<bool, Problem> {
    let (name, now) = (&channel.name, context.clock.now());
    let mut work = context.begin().await?;
    notices::lock(&mut work, name).await?;
    let state = match &sent {
        Ok(()) => Some(("sent", None)),
        Err(failed) => {
            for due in dues {
                counts::add(&mut work, name, due.kind.as_str(), "failed").await?;
            }
            let attempts = dues.iter().map(|due| due.attempts).max().unwrap_or_default();
            let since = dues.iter().map(Due::since).max().unwrap_or(now);
            match backoff::next(failed, attempts, since, now) {
                Some(next) => {
                    notices::put_off(&mut work, name, dues, &failed.why, next).await?;
                    None
                }
                None => Some(("given_up", Some(failed.why.as_str()))),
            }
        }
    };
    if let Some((state, why)) = state {
        for due in dues {
            if let Some(why) = why {
                tracing::warn!(channel = name, notice_id = %due.id, why, "a notification was given up");
            }
            notices::settle(&mut work, due, state, why, now).await?;
            counts::add(&mut work, name, due.kind.as_str(), state).await?;
        }
    }
    work.commit().await?;
    Ok(sent.is_ok())
}

/// Why nobody has a use for it any more.
async fn useless(context: &Context, channel: &Channel, due: &Due) -> Result<Option<String>, Problem> {
    if due.expires_at.is_some_and(|at| at <= context.clock.now()) {
        return Ok(Some("its time has passed".to_owned()));
    }
    let mut connection = context.store.acquire().await?;
    let Some(request_id) = due.request_id else { return of_the_house(&mut connection, channel, due).await };
    let Some(request) = read::requests::get(&mut connection, request_id).await? else { return Ok(None) };
    let sha256 = request.plan.as_ref().map(|plan| plan.sha256.as_str());
    if due.kind == Kind::ApprovalNeeded && (request.status != "awaiting_approval" || sha256 != due.plan_sha256.as_deref()) {
        return Ok(Some(format!("the plan waits for nobody any more; the request is `{}`", request.status)));
    }
    if due.kind == Kind::Waiting && !request.waits {
        return Ok(Some(format!("it waits no more; the request is `{}`", request.status)));
    }
    let Some(name) = &channel.person else { return Ok(None) };
    let Some(person) = principals::get_by_name(&mut connection, name).await? else {
        return Ok(Some(format!("there is no person `{name}`")));
    };
    Ok(people::refused(&mut connection, &person, due.kind, &request).await?.map(str::to_owned))
}

/// The same of what concerns no request.
async fn of_the_house(connection: &mut PgConnection, channel: &Channel, due: &Due) -> Result<Option<String>, Problem> {
    let Some(name) = &channel.person else { return Ok(None) };
    let is_theirs = match (principals::get_by_name(connection, name).await?, due.kind) {
        (None, _) => return Ok(Some(format!("there is no person `{name}`"))),
        (Some(person), Kind::AgentLost | Kind::Budget) => people::looks_after_the_house(&person),
        (Some(_), _) => true,
    };
    Ok((!is_theirs).then(|| "the person may not see how this installation is any more".to_owned()))
}

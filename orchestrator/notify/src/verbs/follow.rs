//! Reads on in the feed of all events, and makes notices of what channels are to tell. The place up to which it was read moves in the same
//! transaction, so that each event makes its notices once.

use chiffon_kernel::domain::feed::Place;
use chiffon_kernel::store::{feed, principals};
use chiffon_protocol::Problem;
use chiffon_protocol::action::Risk;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::{Context, people};
use crate::domain::channel::Channel;
use crate::domain::notice::{self, Request, Told};
use crate::store::notices::{self, New};
use crate::store::{feed_cursor, read};

/// So many events are read at a time.
const BATCH: i64 = 500;
/// What happened longer ago is no news, after a long stop.
const NEWS: TimeDelta = TimeDelta::hours(24);

/// Makes notices of the next events; how many events were read.
pub async fn run(context: &Context) -> Result<usize, Problem> {
    let mut work = context.begin().await?;
    let Some(place) = feed_cursor::lock(&mut work).await? else { return Ok(0) };
    let events = feed::list_after(&mut *work, place, BATCH).await?;
    let now = context.clock.now();
    let mut last: Option<Place> = None;
    for event in &events {
        last = Some(event.place);
        let is_told = event.stream_kind == "request" && event.kind == "request" && now - event.at <= NEWS;
        let status = event.data.get("status").and_then(Value::as_str);
        if is_told && matches!(status, Some("awaiting_approval" | "failed")) {
            let request = read::requests::get(&mut work, event.place.stream_id).await?;
            // What it was then and is no more is nothing that anybody has to know.
            let request = request.filter(|request| Some(request.status.as_str()) == status);
            if let Some((told, request)) = request.and_then(|request| Some((notice::of(&request, event.place.seq)?, request))) {
                make(context, &mut work, &told, &request).await?;
            }
        }
    }
    if let Some(place) = last {
        feed_cursor::set(&mut work, place).await?;
    }
    work.commit().await?;
    Ok(events.len())
}

/// For each channel that is to tell it.
async fn make(context: &Context, connection: &mut PgConnection, told: &Told, request: &Request) -> Result<(), Problem> {
    for channel in &context.settings.channels {
        let risk = request.plan.as_ref().map(|plan| plan.risk.as_str());
        if !channel.wants(told.kind, risk.and_then(risk_of)) {
            continue;
        }
        let principal_id = match whom(connection, channel, told, request).await? {
            Whom::Several => None,
            Whom::One(id) => Some(id),
            Whom::Nobody => continue,
        };
        let plan_sha256 = request.plan.as_ref().map(|plan| plan.sha256.as_str());
        let (id, now) = (context.ids.new_id(), context.clock.now());
        let held_until = held_until(connection, channel, told, risk, now).await?;
        let new = New { id, channel: &channel.name, principal_id, request_id: Some(request.id), plan_sha256, risk, told, held_until };
        notices::add(connection, &new, now).await?;
    }
    Ok(())
}

/// Until when a channel holds what it is to tell.
pub(super) async fn held_until(
    connection: &mut PgConnection,
    channel: &Channel,
    told: &Told,
    risk: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Problem> {
    let gathering = if channel.digest.is_some() { notices::gathering(connection, &channel.name, now).await? } else { None };
    Ok(channel.held_until((told.kind, risk.and_then(risk_of)), now, gathering, told.expires_at))
}

enum Whom {
    Several,
    One(uuid::Uuid),
    Nobody,
}

async fn whom(connection: &mut PgConnection, channel: &Channel, told: &Told, request: &Request) -> Result<Whom, Problem> {
    let Some(name) = &channel.person else { return Ok(Whom::Several) };
    let Some(person) = principals::get_by_name(connection, name).await? else { return Ok(Whom::Nobody) };
    let refused = people::refused(connection, &person, told.kind, request).await?;
    Ok(if refused.is_some() { Whom::Nobody } else { Whom::One(person.id) })
}

/// The risk that this word stands for.
pub(super) fn risk_of(word: &str) -> Option<Risk> {
    [Risk::ReadOnly, Risk::Low, Risk::Medium, Risk::High, Risk::Destructive].into_iter().find(|risk| risk.as_str() == word)
}

//! Makes notices of how things stand. What stands as it did makes none again.

use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::store::principals;
use chiffon_protocol::Problem;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Context, people};
use crate::domain::channel::Channel;
use crate::domain::notice::{Request, Told};
use crate::domain::standing::{self, Certificate};
use crate::store::notices::{self, New};
use crate::store::read;

/// What is longer is no time that anybody means.
const LONGEST: TimeDelta = TimeDelta::days(3_650);

/// Whom something concerns.
enum Concerns<'c> {
    /// Who may see or decide this request.
    Request(&'c Request),
    /// This principal.
    One(Uuid),
    /// Who looks after the installation.
    House,
}

/// Looks, and makes notices; how many were made. The certificate is the one of the address that people call, as it was seen last.
pub async fn run(context: &Context, of_address: Option<&Certificate>) -> Result<usize, Problem> {
    let now = context.clock.now();
    let mut work = context.begin().await?;
    let mut made = 0;
    for waiting in read::standing::waiting(&mut work, now - span(context.settings.waiting_after)).await? {
        if let Some(request) = read::requests::get(&mut work, waiting.id).await? {
            made += tell(context, &mut work, &standing::of_waiting(&waiting, now), &Concerns::Request(&request)).await?;
        }
    }
    for lost in read::standing::lost(&mut work, now - span(context.settings.agent_lost_after)).await? {
        made += tell(context, &mut work, &standing::of_lost(&lost, now), &Concerns::House).await?;
    }
    for (provider, most) in context.budgets.iter() {
        let spent = read::standing::spent(&mut work, provider, now).await?;
        if let Some(told) = standing::of_budget(provider, spent, *most, now) {
            made += tell(context, &mut work, &told, &Concerns::House).await?;
        }
    }
    let soon = now + span(context.settings.expiring_within);
    for token in read::standing::expiring(&mut work, now, soon).await? {
        made += tell(context, &mut work, &standing::of_token(&token, now), &Concerns::One(token.principal_id)).await?;
    }
    if let Some(certificate) = of_address.filter(|certificate| certificate.not_after <= soon) {
        let told = standing::of_certificate(&context.public_url, certificate, now);
        made += tell(context, &mut work, &told, &Concerns::House).await?;
    }
    work.commit().await?;
    Ok(made)
}

/// For each channel that is to tell it; how many notices were made.
async fn tell(context: &Context, connection: &mut PgConnection, told: &Told, concerns: &Concerns<'_>) -> Result<usize, Problem> {
    let mut made = 0;
    let (request, now): (_, DateTime<Utc>) =
        (if let Concerns::Request(request) = concerns { Some(*request) } else { None }, context.clock.now());
    let plan = request.and_then(|request| request.plan.as_ref());
    for channel in &context.settings.channels {
        if !channel.wants(told.kind, plan.and_then(|plan| super::follow::risk_of(&plan.risk))) {
            continue;
        }
        let principal_id = match person_of(connection, channel).await? {
            None => None,
            Some(Some(person)) if hears(connection, &person, told, concerns).await? => Some(person.id),
            Some(_) => continue,
        };
        let id = context.ids.new_id();
        let (request_id, risk) = (request.map(|request| request.id), plan.map(|plan| plan.risk.as_str()));
        let held_until = super::follow::held_until(connection, channel, told, risk, now).await?;
        let new = New { id, channel: &channel.name, principal_id, request_id, plan_sha256: None, risk, told, held_until };
        made += usize::from(notices::add(connection, &new, now).await?);
    }
    Ok(made)
}

/// The person of a channel, who may not be known; `None` for a channel of several.
async fn person_of(connection: &mut PgConnection, channel: &Channel) -> Result<Option<Option<Principal>>, Problem> {
    let Some(name) = &channel.person else { return Ok(None) };
    Ok(Some(principals::get_by_name(connection, name).await?))
}

async fn hears(connection: &mut PgConnection, person: &Principal, told: &Told, concerns: &Concerns<'_>) -> Result<bool, Problem> {
    Ok(match concerns {
        Concerns::Request(request) => people::refused(connection, person, told.kind, request).await?.is_none(),
        Concerns::One(id) => person.id == *id,
        Concerns::House => people::looks_after_the_house(person),
    })
}

fn span(time: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(time).map_or(LONGEST, |time| time.min(LONGEST))
}

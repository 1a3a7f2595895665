//! Asking the provider again whether it stands for who is signed in. Whom it refuses, or who is in no group any more, is signed out; a
//! provider that is away for a while signs nobody out.

use std::time::Duration;

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::role::Role;
use chiffon_kernel::store::{grants, principals, sessions as kernel};
use chiffon_kernel::verbs::Context;
use chiffon_protocol::{ErrorCode, Problem};
use futures::future::join_all;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::follow;
use super::provider::{Failure, Given, Provider};
use super::seal::{self, Kind};
use crate::store::sessions::{self, Due};

/// A session whose provider gave no refresh token ends after this: nobody can say whether it still stands for it.
pub const WITHOUT_REFRESH: Duration = Duration::from_hours(8);
/// A provider that has been away for longer stands for nobody.
const LONGEST_AWAY: Duration = Duration::from_hours(24);
/// One that is away is asked again after this.
const AWAY_AGAIN_AFTER: Duration = Duration::from_mins(1);
/// Nobody else takes what is being asked for; longer than one answer may take.
const TAKEN_FOR: Duration = Duration::from_mins(2);
/// So many are asked for at once.
const AT_ONCE: i64 = 8;

/// Asks for those that are due; how many. Those of a provider that is not set up any more end.
pub async fn due(context: &Context, provider: Option<&Provider>) -> Result<usize, Problem> {
    let at = context.clock.now();
    let due = {
        let mut connection = context.store.acquire().await?;
        sessions::take_due(&mut connection, at, at + TAKEN_FOR, AT_ONCE).await?
    };
    let mut asked = Vec::new();
    for due in due {
        asked.push(one(context, provider, due));
    }
    let done = join_all(asked).await.into_iter().collect::<Result<Vec<()>, Problem>>()?;
    Ok(done.len())
}

async fn one(context: &Context, provider: Option<&Provider>, due: Due) -> Result<(), Problem> {
    let due = &due;
    let Some(provider) = provider.filter(|provider| provider.settings().issuer == due.issuer) else {
        return end(context, due, "its provider is not set up here any more").await;
    };
    let Some(sealed) = &due.refresh_token_sealed else {
        return end(context, due, "the provider gave nothing to ask it again with, and its word is too old").await;
    };
    let Ok(token) = seal::open(&context.key, due.session_id, Kind::Refresh, sealed) else {
        return end(context, due, "the orchestrator's key is another one, and the refresh token can't be read").await;
    };
    match provider.refresh(context, token.expose_secret().to_owned(), &due.subject).await {
        Ok(given) => confirmed(context, provider, due, &given).await,
        Err(Failure::Refused(why)) => end(context, due, &format!("the provider {why}")).await,
        Err(Failure::Away(why)) => {
            let at = context.clock.now();
            if at - due.confirmed_at >= chrono::TimeDelta::from_std(LONGEST_AWAY).unwrap_or(chrono::TimeDelta::MAX) {
                return end(context, due, "the provider has been away for a day").await;
            }
            tracing::warn!(
                issuer = provider.settings().issuer,
                principal = due.name,
                why,
                "the provider can't be asked; who is signed in stays so"
            );
            let mut connection = context.store.acquire().await?;
            Ok(sessions::set_look_at(&mut connection, due.session_id, at + AWAY_AGAIN_AFTER).await?)
        }
    }
}

async fn confirmed(context: &Context, provider: &Provider, due: &Due, given: &Given) -> Result<(), Problem> {
    let Ok(role) = given.claims.role(provider.settings()) else {
        return lost(context, provider, due).await;
    };
    let seal = |kind, token: &str| {
        seal::seal(&context.key, due.session_id, kind, token).map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))
    };
    let refresh = given.refresh_token.as_ref().map(|token| seal(Kind::Refresh, token.expose_secret())).transpose()?;
    let id_token = given.id_token.as_ref().map(|token| seal(Kind::Id, token.expose_secret())).transpose()?;
    let mut work = context.begin().await?;
    let at = work.now();
    if let Some(known) = principals::get_by_name(&mut work, &due.name).await? {
        follow::role(&mut work, provider, known, role, &given.claims).await?;
    }
    let look_at = at + provider.settings().refresh_every;
    sessions::set_confirmed(&mut work, due.session_id, (refresh.as_deref(), id_token.as_deref()), at, look_at).await?;
    Ok(work.commit().await?)
}

/// Who is in no group any more is nobody here: signed out wherever the provider stood for them, and what tokens they have sees, and no more.
async fn lost(context: &Context, provider: &Provider, due: &Due) -> Result<(), Problem> {
    let mut work = context.begin().await?;
    let at = work.now();
    for session_id in sessions::open_of(&mut work, &provider.settings().issuer, &due.subject).await? {
        kernel::end(&mut work, session_id, at).await?;
    }
    if let Some(known) = principals::get_by_name(&mut work, &due.name).await? {
        principals::set_role(&mut work, known.id, Role::Viewer).await?;
        grants::remove_all(&mut work, known.id).await?;
        let data = json!({
            "principal": known.name, "from": known.role, "to": Role::Viewer, "grants_taken_back": known.grants, "issuer": provider.settings().issuer,
            "why": "they are in no group that has a role here",
        });
        work.audit_system(AuditEvent::by_chiffon("person.role_lost", data));
    }
    Ok(work.commit().await?)
}

async fn end(context: &Context, due: &Due, why: &str) -> Result<(), Problem> {
    let mut work = context.begin().await?;
    let at = work.now();
    if kernel::end(&mut work, due.session_id, at).await? {
        let data = json!({"session_id": due.session_id, "principal": due.name, "issuer": due.issuer, "why": why});
        work.audit_system(AuditEvent::by_chiffon("session.ended", data));
    }
    Ok(work.commit().await?)
}

//! Browsers that are signed in: opened by a token or by a one-time link, used, listed and ended. What the cookie holds is told once, to the
//! browser; only its hash is stored. A session ends with the token that it was opened with.
//!
//! A narrow one is opened by the link of a notification: it reads, and decides about the plan of that link. It counts no longer than its
//! person has a way to sign in fully.

use std::time::Duration;

use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use super::work::Work;
use super::{Context, login_links, tokens};
use crate::domain::audit::AuditEvent;
use crate::domain::permissions::TOKENS_MANAGE;
use crate::domain::role::Principal;
use crate::domain::scope::Target;
use crate::store::Error;
use crate::store::login_links as links;
use crate::store::principals;
use crate::store::sessions::{self, Found, Listed, NewSession};

/// What every cookie's text begins with, so that a leaked one is recognised.
pub const PREFIX: &str = "chs_";
/// Who has not come for so long signs in anew.
pub const IDLE: Duration = Duration::from_hours(14 * 24);
/// A use is noted this often at most: a call of a page does not write.
const NOTED_EVERY: TimeDelta = TimeDelta::hours(1);
const MOST_BROWSER_CHARS: usize = 200;

/// A session that was opened.
#[derive(Debug)]
pub struct Opened {
    /// Names it for `end`.
    pub session_id: Uuid,
    /// Who is signed in.
    pub principal: Principal,
    /// From then on it counts no more, unless it is used before.
    pub expires_at: DateTime<Utc>,
    /// What the cookie holds, which is told once.
    pub secret: SecretString,
}

/// Opens a session for whoever has shown this token.
pub async fn open_by_token(context: &Context, principal: Principal, token_id: Uuid, browser: &str) -> Result<Opened, Problem> {
    let mut work = context.begin().await?;
    let opened = open(context, &mut work, principal, Some(token_id), browser, json!({"token_id": token_id})).await?;
    work.commit().await?;
    Ok(opened)
}

/// Opens a session for whom a link was made, and uses the link up ([`ErrorCode::LoginLinkInvalid`]).
pub async fn open_by_link(context: &Context, code: &str, browser: &str) -> Result<Opened, Problem> {
    let at = context.clock.now();
    let mut work = context.begin().await?;
    let found = links::lock(&mut work, &tokens::sha256(code), at).await?;
    let link = found.ok_or_else(|| login_links::invalid("the sign-in link is not known here"))?;
    if let Some(used_at) = link.used_at {
        return Err(login_links::invalid(&format!("the sign-in link was used at {used_at}, and each works once")));
    }
    if link.expires_at <= at {
        return Err(login_links::invalid(&format!("the sign-in link expired at {}", link.expires_at)));
    }
    if !link.maker_counts {
        return Err(login_links::invalid("the token or the browser with which the sign-in link was made is not signed in any more"));
    }
    links::set_used(&mut work, link.id, at).await?;
    let opened = open(context, &mut work, link.principal, link.token_id, browser, json!({"link_id": link.id})).await?;
    work.commit().await?;
    Ok(opened)
}

/// Opens a session in a transaction: `by` says in the audit how they have shown who they are.
pub async fn open(
    context: &Context,
    work: &mut Work,
    principal: Principal,
    token_id: Option<Uuid>,
    browser: &str,
    by: Value,
) -> Result<Opened, Problem> {
    let until = Until { expires_at: context.clock.now() + IDLE, is_narrow: false };
    open_until(context, work, principal, token_id, browser, (by, until)).await
}

/// Opens a narrow session, which no use makes last longer.
pub async fn open_narrow(
    context: &Context,
    work: &mut Work,
    principal: Principal,
    expires_at: DateTime<Utc>,
    browser: &str,
    by: Value,
) -> Result<Opened, Problem> {
    open_until(context, work, principal, None, browser, (by, Until { expires_at, is_narrow: true })).await
}

struct Until {
    expires_at: DateTime<Utc>,
    is_narrow: bool,
}

async fn open_until(
    context: &Context,
    work: &mut Work,
    principal: Principal,
    token_id: Option<Uuid>,
    browser: &str,
    (by, Until { expires_at, is_narrow }): (Value, Until),
) -> Result<Opened, Problem> {
    check_person(&principal)?;
    let (at, session_id, secret) = (context.clock.now(), context.ids.new_id(), tokens::random_text(PREFIX));
    let browser: String = browser.chars().filter(|letter| !letter.is_control()).take(MOST_BROWSER_CHARS).collect();
    let sha256 = tokens::sha256(secret.expose_secret());
    let new =
        NewSession { id: session_id, principal_id: principal.id, sha256: &sha256, token_id, browser: &browser, expires_at, is_narrow };
    sessions::add(work, &new, at).await?;
    let data = json!({"session_id": session_id, "principal": principal.name, "browser": browser, "by": by, "narrow": is_narrow});
    work.audit_system(AuditEvent::new(&principal.name, "session.opened", data));
    Ok(Opened { session_id, principal, expires_at, secret })
}

/// Refuses programs: a browser is a person's.
pub fn check_person(principal: &Principal) -> Result<(), Problem> {
    if !principal.is_program {
        return Ok(());
    }
    let message = format!("`{}` is a program, and a browser is a person's; programs send their token with each call", principal.name);
    Err(Problem::new(ErrorCode::Forbidden, message))
}

/// What somebody is told who would do more than their narrow session is for.
pub fn narrow(principal: &Principal, lets: &str) -> Problem {
    let name = &principal.name;
    let message = format!(
        "this browser was signed in as `{name}` by the link of a notification, which is for looking, and for approving or rejecting that \
         link's plan; to {lets}, sign in fully (`/ui/signin`: a password, a provider, or a link of `chiffon login`)"
    );
    Problem::new(ErrorCode::NarrowSession, message).with_details(json!({"sign_in": "/ui/signin"}))
}

/// Whether a text has the form of what a cookie holds.
pub fn is_plausible(text: &str) -> bool {
    tokens::has_form(PREFIX, text)
}

/// The session of a cookie, if it counts; else why not. That it is used is noted.
pub async fn used(context: &Context, sha256: &[u8]) -> Result<Result<Found, String>, Problem> {
    let at = context.clock.now();
    let mut connection = context.store.acquire().await?;
    let Some(found) = sessions::find(&mut connection, sha256, at).await? else {
        return Ok(Err("the browser's session is not known here".to_owned()));
    };
    let name = &found.principal.name;
    if found.ended_at.is_some() {
        return Ok(Err(format!("the session of `{name}` was ended")));
    }
    if found.expires_at <= at {
        return Ok(Err(format!("the session of `{name}` expired at {}", found.expires_at)));
    }
    if !found.token_counts {
        return Ok(Err(format!("the token with which `{name}` signed in does not count any more")));
    }
    if found.is_narrow && !principals::has_a_way_in(&mut connection, found.principal.id, at).await? {
        return Ok(Err(format!("`{name}`, for whom the link of a notification was opened, can't sign in any more")));
    }
    if at - found.last_used_at >= NOTED_EVERY {
        let expires_at = if found.is_narrow { found.expires_at } else { at + IDLE };
        sessions::touch(&mut connection, found.id, at, expires_at).await?;
    }
    Ok(Ok(found))
}

/// Whether the session with this id counts still.
pub async fn counts(context: &Context, session_id: Uuid) -> Result<bool, Error> {
    let at = context.clock.now();
    let mut connection = context.store.acquire().await?;
    if !sessions::counts(&mut connection, session_id, at).await? {
        return Ok(false);
    }
    match sessions::narrow_of(&mut connection, session_id).await? {
        Some(principal_id) => principals::has_a_way_in(&mut connection, principal_id, at).await,
        None => Ok(true),
    }
}

/// Lets a narrow session count until then, where it did not for so long.
pub async fn last_until(work: &mut Work, session_id: Uuid, expires_at: DateTime<Utc>) -> Result<(), Error> {
    sessions::last_until(work, session_id, expires_at).await
}

/// Ends the session of a cookie in whose place the browser gets another.
pub async fn replace(context: &Context, sha256: &[u8]) -> Result<(), Problem> {
    match used(context, sha256).await? {
        Ok(found) => end(context, &found.principal, found.id).await.map(drop),
        Err(_) => Ok(()),
    }
}

/// The sessions that count, newest first: one's own, or everybody's for who manages tokens.
pub async fn list(context: &Context, caller: &Principal, before: Option<Uuid>, limit: i64) -> Result<Vec<Listed>, Problem> {
    let of = Some(caller.id).filter(|_| !sees_all(caller));
    let mut connection = context.store.acquire().await?;
    Ok(sessions::list_open(&mut connection, of, context.clock.now(), before, limit).await?)
}

/// Ends a session: one's own, or anybody's for who manages tokens. Ending one twice changes nothing the second time.
pub async fn end(context: &Context, caller: &Principal, session_id: Uuid) -> Result<Listed, Problem> {
    let mut work = context.begin().await?;
    let found = sessions::get(&mut work, session_id).await?.filter(|(owner, _)| *owner == caller.id || sees_all(caller));
    let (_, mut session) = found.ok_or_else(|| {
        Problem::new(ErrorCode::SessionNotFound, format!("there is no session {session_id} that you may see; `GET /sessions` lists them"))
    })?;
    let at = context.clock.now();
    if sessions::end(&mut work, session_id, at).await? {
        session.ended_at = Some(at);
        let data = json!({"session_id": session_id, "principal": session.name, "browser": session.browser});
        work.audit_system(AuditEvent::new(&caller.name, "session.ended", data));
    }
    work.commit().await?;
    Ok(session)
}

fn sees_all(caller: &Principal) -> bool {
    caller.may(&TOKENS_MANAGE, Target::ALL)
}

//! Links that come with a notification: each leads one person to one plan, once, and opens a narrow session in which that plan can be read,
//! approved and rejected. Opening one approves nothing.
//!
//! A link is not withdrawn by anybody: when it is opened, everything is looked at again, and it opens nothing where its person may not approve
//! this plan any more, or has nothing left to sign in with.

use std::time::Duration;

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::store::principals;
use chiffon_kernel::store::sessions::Found as Session;
use chiffon_kernel::verbs::sessions::{self, Opened};
use chiffon_kernel::verbs::work::Work;
use chiffon_kernel::verbs::{Context, tokens};
use chiffon_process::shown;
use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use uuid::Uuid;

use crate::domain::approval_link::{Bound, is_plausible};
use crate::domain::permissions::REQUESTS_APPROVE;
use crate::store::approval_links::{self, Found};
use crate::verbs::decide::{Decide, Decision};
use crate::verbs::scope_of_plan;

/// A link counts no longer than this, however long its plan can be approved.
pub const VALID_FOR: Duration = Duration::from_hours(24);
/// A narrow session counts so long at least: somebody who approves in the last minute sees what comes of it.
const WATCHED_FOR: Duration = Duration::from_hours(1);

/// Makes the link of a notification to this person about this plan; its code, which is told once more when the same notification is sent
/// again. Nobody gets one who could not approve the plan with it, and no program does.
pub async fn make(
    context: &Context,
    notification_id: Uuid,
    person: &Principal,
    (request_id, plan_sha256): (Uuid, &str),
) -> Result<Option<SecretString>, Problem> {
    let at = context.clock.now();
    let mut work = context.begin().await?;
    if sessions::check_person(person).is_err() || why_not(&mut work, person, (request_id, plan_sha256), at).await?.is_some() {
        return Ok(None);
    }
    let plan_expires_at = approval_links::standing(&mut work, request_id, person.id).await?.and_then(|standing| standing.expires_at);
    let latest = at + VALID_FOR;
    // To whole seconds, as it is signed.
    let expires_at = plan_expires_at.map_or(latest, |expires_at| expires_at.min(latest));
    let expires_at = DateTime::from_timestamp(expires_at.timestamp(), 0).unwrap_or(expires_at);
    if expires_at <= at {
        return Ok(None);
    }
    let link = Bound { id: notification_id, principal_id: person.id, request_id, plan_sha256: plan_sha256.to_owned(), expires_at };
    let code = link.code(&context.key);
    if approval_links::add(&mut work, &link, &tokens::sha256(code.expose_secret()), at).await? {
        let data = json!({
            "link_id": link.id, "principal": person.name, "request_id": request_id, "plan_sha256": plan_sha256, "expires_at": expires_at,
        });
        work.audit_system(AuditEvent::new("chiffon", "approval_link.made", data));
        work.commit().await?;
        return Ok(Some(code));
    }
    // The notification is sent again: with the same link, as long as that opens something.
    let found =
        approval_links::lock(&mut work, notification_id).await?.filter(|found| found.used_at.is_none() && found.bound.expires_at > at);
    let same = found.filter(|found| Bound { expires_at, ..found.bound.clone() } == link);
    Ok(same.and_then(|found| code_of(context, &found)))
}

/// The code of a link, unless another key has signed it.
fn code_of(context: &Context, found: &Found) -> Option<SecretString> {
    Some(found.bound.code(&context.key)).filter(|code| tokens::sha256(code.expose_secret()) == found.sha256)
}

/// Why this person does not come to this plan by a link, if there is a reason.
async fn why_not(
    work: &mut Work,
    person: &Principal,
    (request_id, sha256): (Uuid, &str),
    at: DateTime<Utc>,
) -> Result<Option<String>, Problem> {
    if !principals::has_a_way_in(work, person.id, at).await? {
        return Ok(Some(format!("`{}` has nothing left to sign in with", person.name)));
    }
    if !person.may_somewhere(&REQUESTS_APPROVE) {
        return Ok(Some(format!("`{}` may not approve plans any more", person.name)));
    }
    if !scope_of_plan::covers_current(work, person, &REQUESTS_APPROVE, request_id).await? {
        return Ok(Some(format!("`{}` may not approve all of this plan any more", person.name)));
    }
    let standing = approval_links::standing(work, request_id, person.id).await?;
    Ok(standing.map_or_else(|| Some("the request is gone".to_owned()), |standing| standing.withdrawn(sha256)))
}

/// Who comes with a link.
#[derive(Debug, Clone, Copy)]
pub struct Coming<'c> {
    /// The link.
    pub id: Uuid,
    /// What stands behind the `#` of its address.
    pub code: &'c str,
    /// Who is signed in with this browser already.
    pub here: Option<&'c Session>,
    /// Whether somebody else who is signed in there is to be signed out for it.
    pub instead: bool,
    /// What the browser calls itself.
    pub browser: &'c str,
}

/// What became of it.
#[derive(Debug)]
pub enum Came {
    /// A narrow session was opened.
    SignedIn(Opened),
    /// Who is signed in stays so: it is them, and the link adds nothing, or only its plan.
    Kept,
    /// Somebody else is signed in there, and the link was not used.
    SomebodyElse,
}

/// Where a link leads.
#[derive(Debug)]
pub struct Led {
    /// What became of who came.
    pub came: Came,
    /// Whose link it is.
    pub person: Principal,
    /// The request.
    pub request_id: Uuid,
    /// The plan.
    pub plan_sha256: String,
}

/// Opens a link ([`ErrorCode::ApprovalLinkInvalid`]). It approves nothing.
pub async fn open(context: &Context, coming: Coming<'_>) -> Result<Led, Problem> {
    let at = context.clock.now();
    let mut work = context.begin().await?;
    let found = approval_links::lock(&mut work, coming.id).await?;
    // A guesser does not learn which links there are.
    let found = found.filter(|found| is_plausible(coming.code) && tokens::sha256(coming.code) == found.sha256);
    let found = found.filter(|found| code_of(context, found).is_some()).ok_or_else(unknown)?;
    let bound = found.bound.clone();
    let person = principals::get(&mut work, bound.principal_id).await?.ok_or_else(unknown)?;
    let here = coming.here.filter(|here| here.principal.id == person.id);
    let was_opened_here = here.is_some_and(|here| !here.is_narrow || found.session_id == Some(here.id));
    let came = if was_opened_here {
        if found.used_at.is_none() {
            note_used(&mut work, &found, &person, None).await?;
        }
        Came::Kept
    } else if let Some((word, why)) = refusal(&mut work, &found, &person, at).await? {
        return Err(refuse(work, &found, &person, (word, &why)).await?);
    } else if let Some(here) = here {
        // Narrow as it is, it is for one plan more.
        sessions::last_until(&mut work, here.id, lasts_until(&bound, at)).await?;
        note_used(&mut work, &found, &person, Some(here.id)).await?;
        Came::Kept
    } else if coming.here.is_some() && !coming.instead {
        Came::SomebodyElse
    } else {
        let by = json!({"approval_link_id": bound.id});
        let opened = sessions::open_narrow(context, &mut work, person.clone(), lasts_until(&bound, at), coming.browser, by).await?;
        note_used(&mut work, &found, &person, Some(opened.session_id)).await?;
        Came::SignedIn(opened)
    };
    work.commit().await?;
    Ok(Led { came, person, request_id: bound.request_id, plan_sha256: bound.plan_sha256 })
}

fn lasts_until(bound: &Bound, at: DateTime<Utc>) -> DateTime<Utc> {
    bound.expires_at.max(at + WATCHED_FOR)
}

async fn note_used(work: &mut Work, found: &Found, person: &Principal, session_id: Option<Uuid>) -> Result<(), Problem> {
    let at = work.now();
    approval_links::set_used(work, found.bound.id, session_id, at).await?;
    let data = json!({
        "link_id": found.bound.id, "principal": person.name, "request_id": found.bound.request_id, "plan_sha256": found.bound.plan_sha256,
        "session_id": session_id,
    });
    work.audit_system(AuditEvent::new(&person.name, "approval_link.opened", data));
    Ok(())
}

/// Why a link opens nothing, in a word and in words.
async fn refusal(work: &mut Work, found: &Found, person: &Principal, at: DateTime<Utc>) -> Result<Option<(&'static str, String)>, Problem> {
    let bound = &found.bound;
    if let Some(used_at) = found.used_at {
        return Ok(Some(("used", format!("the link was opened at {}, and each works once", shown(used_at)))));
    }
    if bound.expires_at <= at {
        return Ok(Some(("expired", format!("the link expired at {}", shown(bound.expires_at)))));
    }
    let why = why_not(work, person, (bound.request_id, &bound.plan_sha256), at).await?;
    Ok(why.map(|why| ("withdrawn", why)))
}

/// Refuses it; the first time, the audit says so.
async fn refuse(mut work: Work, found: &Found, person: &Principal, (reason, why): (&str, &str)) -> Result<Problem, Problem> {
    let (id, request_id) = (found.bound.id, found.bound.request_id);
    if found.refused_at.is_none() {
        let at = work.now();
        approval_links::set_refused(&mut work, id, at).await?;
        let data = json!({"link_id": id, "principal": person.name, "request_id": request_id, "why": why});
        work.audit_system(AuditEvent::new("chiffon", "approval_link.refused", data));
        work.commit().await?;
    }
    let message = format!("{why}. Nothing was approved by it. Sign in (`/ui/signin`) to look at the request");
    Ok(Problem::new(ErrorCode::ApprovalLinkInvalid, message).with_details(json!({"why": reason, "request_id": request_id})))
}

/// What is told whoever comes with what is no link's code.
pub fn unknown() -> Problem {
    let message = "this link opens nothing here: it is not whole, or none of this server's. Open it again from the notification, all of it, \
        what stands behind `#` included; or sign in (`/ui/signin`)";
    Problem::new(ErrorCode::ApprovalLinkInvalid, message).with_details(json!({"why": "unknown"}))
}

/// What may be decided in a narrow session about the plan that stands there now: by which link, if by any.
pub async fn link_to(context: &Context, session_id: Uuid, request_id: Uuid, plan_sha256: &str) -> Result<Option<Uuid>, Problem> {
    let mut connection = context.store.acquire().await?;
    let links = approval_links::list_of_session(&mut connection, session_id, request_id).await?;
    Ok(links.into_iter().find(|(_, sha256)| sha256 == plan_sha256).map(|(id, _)| id))
}

/// The link by which this is decided in a narrow session ([`ErrorCode::NarrowSession`]).
pub async fn check(context: &Context, session_id: Uuid, person: &Principal, input: &Decide) -> Result<Uuid, Problem> {
    if input.decision == Decision::Revise {
        return Err(sessions::narrow(person, "ask for a change of a plan"));
    }
    let link = link_to(context, session_id, input.request_id, &input.plan_sha256).await?;
    link.ok_or_else(|| sessions::narrow(person, "decide about another plan, such as one that has taken the place of that link's"))
}

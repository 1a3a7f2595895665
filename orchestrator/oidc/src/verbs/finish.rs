//! Finishing a sign-in: the browser is back with a state and a code. Each state works once, in the browser that has begun it.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_kernel::store::principals;
use chiffon_kernel::verbs::Context;
use chiffon_kernel::verbs::sessions::{self, Opened};
use chiffon_kernel::verbs::tokens;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::{ErrorCode, Problem};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::follow;
use super::provider::{Failure, Given, Provider};
use super::seal::{self, Kind};
use crate::domain::claims::Claims;
use crate::store::sessions::NewSession;
use crate::store::sign_ins::Found;
use crate::store::{identities, sessions as stored, sign_ins};

/// With what a browser comes back.
#[derive(Debug, Clone, Copy)]
pub struct Return<'r> {
    /// The state that it was sent with.
    pub state: &'r str,
    /// The code that the provider gave.
    pub code: &'r str,
    /// What its cookies of our name hold.
    pub cookies: &'r [String],
    /// What it calls itself.
    pub browser: &'r str,
}

/// Opens a session for whom the provider stands ([`ErrorCode::OidcRefused`], [`ErrorCode::OidcUnavailable`]).
pub async fn finish(context: &Context, provider: &Provider, back: Return<'_>) -> Result<Opened, Problem> {
    let begun = used_up(context, provider, back).await?;
    let given = provider.redeem(context, back.code, &begun.nonce, begun.pkce_verifier, &begun.redirect_uri).await;
    let given = given.map_err(|failure| problem(provider, failure))?;
    let role = given.claims.role(provider.settings()).map_err(|why| refused(provider, &why))?;
    let mut work = context.begin().await?;
    let principal = somebody(context, &mut work, provider, &given.claims, role).await?;
    let by = json!({"oidc": provider.settings().issuer, "subject": given.claims.subject});
    let opened = sessions::open(context, &mut work, principal, None, back.browser, by).await?;
    remember(context, &mut work, provider, &opened, &given).await?;
    work.commit().await?;
    Ok(opened)
}

/// The sign-in that was begun with this state in this browser. It is used up, whatever comes of it.
async fn used_up(context: &Context, provider: &Provider, back: Return<'_>) -> Result<Found, Problem> {
    let mut work = context.begin().await?;
    let at = work.now();
    let found = sign_ins::lock(&mut work, &tokens::sha256(back.state)).await?;
    let begun = found.ok_or_else(|| not_begun(provider, "no sign-in was begun here with what the browser came back with"))?;
    if !back.cookies.iter().any(|held| tokens::sha256(held) == begun.browser_sha256) {
        return Err(not_begun(provider, "the sign-in was begun in another browser, or this one keeps no cookies"));
    }
    if let Some(used_at) = begun.used_at {
        return Err(not_begun(provider, &format!("the browser came back at {used_at} already, and each sign-in works once")));
    }
    if begun.expires_at <= at {
        return Err(not_begun(provider, &format!("the sign-in was to be finished before {}", begun.expires_at)));
    }
    sign_ins::set_used(&mut work, begun.id, at).await?;
    work.commit().await?;
    Ok(begun)
}

/// Who that is here: bound to what the provider knows them by, and never to a name.
async fn somebody(context: &Context, work: &mut Work, provider: &Provider, claims: &Claims, role: Role) -> Result<Principal, Problem> {
    let settings = provider.settings();
    let at = work.now();
    if let Some(name) = identities::find(work, &settings.issuer, &claims.subject).await? {
        let known = principals::get_by_name(work, &name).await?;
        let known = known.ok_or_else(|| Problem::new(ErrorCode::Internal, "an identity leads to nobody"))?;
        return follow::role(work, provider, known, role, claims).await;
    }
    let name = claims.name(settings).map_err(|why| refused(provider, &why))?;
    let new = Principal { id: context.ids.new_id(), name: name.to_owned(), role, grants: Vec::new(), is_program: false };
    let principal = principals::add_if_new(work, &new, at).await?;
    // Whoever stands under the name, since when and as what: only who was made just now is theirs.
    if principal.id != new.id {
        return Err(taken(provider, name));
    }
    if !identities::add(work, (&settings.issuer, &claims.subject), principal.id, at).await? {
        let message = format!("`{name}` signs in for the first time in two places at once; try again");
        return Err(Problem::new(ErrorCode::OidcRefused, message));
    }
    let data = json!({
        "principal": name, "role": role, "issuer": settings.issuer, "subject": claims.subject, "groups": follow::mapped(provider, claims),
    });
    work.audit_system(AuditEvent::new(name, "person.enrolled", data));
    Ok(principal)
}

async fn remember(context: &Context, work: &mut Work, provider: &Provider, opened: &Opened, given: &Given) -> Result<(), Problem> {
    let id = opened.session_id;
    let unsealed = |error: seal::Unreadable| Problem::new(ErrorCode::Internal, error.to_string());
    let seal = |kind, token: &str| seal::seal(&context.key, id, kind, token).map_err(unsealed);
    let refresh = given.refresh_token.as_ref().map(|token| seal(Kind::Refresh, token.expose_secret())).transpose()?;
    let id_token = seal(Kind::Id, given.id_token.as_ref().map_or("", |token| token.expose_secret()))?;
    let at = work.now();
    let look_at = at + if refresh.is_some() { provider.settings().refresh_every } else { super::refresh::WITHOUT_REFRESH };
    let new = NewSession {
        session_id: id,
        issuer: &provider.settings().issuer,
        subject: &given.claims.subject,
        refresh_token_sealed: refresh.as_deref(),
        id_token_sealed: &id_token,
        look_at,
    };
    Ok(stored::add(work, &new, at).await?)
}

fn not_begun(provider: &Provider, why: &str) -> Problem {
    let message = format!("{why}; begin anew with \u{201c}Sign in with {}\u{201d}", provider.settings().name);
    Problem::new(ErrorCode::OidcRefused, message)
}

fn taken(provider: &Provider, name: &str) -> Problem {
    let message = format!(
        "{} calls you `{name}`, and somebody of that name is here already who has not come from there; they are not made yours. Have the \
         provider give you another name, or let `oidc.name_claim` name a claim that differs, such as `email`",
        provider.settings().name
    );
    Problem::new(ErrorCode::OidcRefused, message)
}

fn refused(provider: &Provider, why: &str) -> Problem {
    Problem::new(ErrorCode::OidcRefused, format!("{} {why}", provider.settings().name))
}

/// What is told of a provider that did not do it.
pub fn problem(provider: &Provider, failure: Failure) -> Problem {
    let (name, issuer) = (&provider.settings().name, &provider.settings().issuer);
    match failure {
        Failure::Away(why) => {
            let message = format!(
                "{name} ({issuer}) can't be asked just now: {why}. Try again later; a link of `chiffon login`, a password and a token sign in without it"
            );
            Problem::new(ErrorCode::OidcUnavailable, message)
        }
        Failure::Refused(why) => {
            Problem::new(ErrorCode::OidcRefused, format!("{name} {why}; begin anew with \u{201c}Sign in with {name}\u{201d}"))
        }
    }
}

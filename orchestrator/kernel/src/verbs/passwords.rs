//! Passwords of people: signing in by one, changing one's own, and setting and taking away somebody else's.
//!
//! Whoever is not let in learns nothing of why: an unknown name and a wrong password have the same words and take the same time. One that
//! somebody else has chosen signs in only together with one's own in its place.

use chiffon_protocol::{ErrorCode, Problem};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::hashing::Hashing;
use super::sessions::{self, Opened};
use super::tokens::{self, Who};
use super::work::Work;
use super::{Context, login_links};
use crate::domain::audit::AuditEvent;
use crate::domain::password::Password;
use crate::domain::role::{Principal, Role};
use crate::store::passwords::{self, NewPassword, State};
use crate::store::{principals, sessions as stored};

/// By what somebody signs in.
#[derive(Debug, Clone)]
pub struct ByPassword {
    /// Their name.
    pub name: String,
    /// Their password.
    pub password: SecretString,
    /// Another to take its place; needed where somebody else has chosen it.
    pub new_password: Option<SecretString>,
}

/// Opens a session for whoever has this name and this password ([`ErrorCode::PasswordRefused`]).
pub async fn open(context: &Context, hashing: &Hashing, by: &ByPassword, browser: &str) -> Result<Opened, Problem> {
    let found = {
        let mut connection = context.store.acquire().await?;
        passwords::find(&mut connection, &by.name).await?
    };
    let typed = Password::new(&by.password).ok_or_else(wrong)?;
    let phc = found.as_ref().map(|found| found.phc.clone());
    if !hashing.is_of(typed, phc).await? {
        return Err(wrong());
    }
    let found = found.ok_or_else(wrong)?;
    let replacing = match &by.new_password {
        Some(new) => Some(hashing.hash(suitable(new, &by.name, Some(&by.password))?).await?),
        None if found.must_change => return Err(to_replace(&found.set_by)),
        None => None,
    };
    let mut work = context.begin().await?;
    if passwords::lock(&mut work, found.principal.id).await? != Some(found.phc) {
        return Err(wrong());
    }
    if let Some(phc) = replacing {
        change(&mut work, &found.principal, &phc, None).await?;
    }
    let opened = sessions::open(context, &mut work, found.principal, None, browser, json!({"password": true})).await?;
    work.commit().await?;
    Ok(opened)
}

fn wrong() -> Problem {
    Problem::new(
        ErrorCode::PasswordRefused,
        "the name or the password is wrong, or there is no password for this name; `chiffon login` makes a link that signs in without one",
    )
}

fn to_replace(set_by: &str) -> Problem {
    let message = format!("`{set_by}` has chosen this password for you: choose one of your own, and send it as `new_password`");
    Problem::new(ErrorCode::PasswordToReplace, message).with_details(json!({"field": "new_password"}))
}

fn suitable(new: &SecretString, name: &str, present: Option<&SecretString>) -> Result<Password, Problem> {
    use secrecy::ExposeSecret as _;
    let refuse = |why: String| Problem::new(ErrorCode::PasswordUnsuitable, format!("the password {why}"));
    let password = Password::new(new).ok_or_else(|| refuse("is longer than 1,024 characters; shorten it".to_owned()))?;
    password.check(name).map_err(refuse)?;
    if present.is_some_and(|present| present.expose_secret() == new.expose_secret()) {
        return Err(refuse("is the one that you have; take another".to_owned()));
    }
    Ok(password)
}

/// One's own takes the place of what was there; whoever else is signed in as them is not any more.
async fn change(work: &mut Work, principal: &Principal, phc: &str, stays: Option<Uuid>) -> Result<(), Problem> {
    let at = work.now();
    let new = NewPassword { principal_id: principal.id, phc, must_change: false, set_by: &principal.name };
    passwords::set(work, &new, at).await?;
    let ended = stored::end_all(work, principal.id, stays, at).await?;
    work.audit_system(AuditEvent::new(&principal.name, "password.changed", json!({"principal": principal.name, "sessions_ended": ended})));
    Ok(())
}

/// What may be told of one's own.
pub async fn state(context: &Context, principal: &Principal) -> Result<Option<State>, Problem> {
    let mut connection = context.store.acquire().await?;
    Ok(passwords::state(&mut connection, principal.id).await?)
}

/// Sets one's own: asks for the present one where there is one. `stays` is the session that does not end with it.
pub async fn set_own(
    context: &Context,
    hashing: &Hashing,
    caller: &Principal,
    (present, new): (Option<&SecretString>, &SecretString),
    stays: Option<Uuid>,
) -> Result<State, Problem> {
    sessions::check_person(caller)?;
    let before = {
        let mut connection = context.store.acquire().await?;
        check_not_provided(&mut connection, caller).await?;
        passwords::find(&mut connection, &caller.name).await?
    };
    if let Some(before) = &before {
        let present = present.ok_or_else(|| {
            let message = "you have a password: send it as `present`, with the new one as `password`";
            Problem::new(ErrorCode::FieldMissing, message).with_details(json!({"field": "present"}))
        })?;
        let is_it = match Password::new(present) {
            Some(typed) => hashing.is_of(typed, Some(before.phc.clone())).await?,
            None => false,
        };
        if !is_it {
            let message = "the present password is wrong; who manages tokens can set another (`chiffon password NAME`)";
            return Err(Problem::new(ErrorCode::PasswordRefused, message).with_details(json!({"field": "present"})));
        }
    }
    let phc = hashing.hash(suitable(new, &caller.name, present)?).await?;
    let mut work = context.begin().await?;
    if passwords::lock(&mut work, caller.id).await? != before.map(|before| before.phc) {
        let message = "the password was changed by somebody else just now; sign in anew";
        return Err(Problem::new(ErrorCode::PasswordRefused, message));
    }
    change(&mut work, caller, &phc, stays).await?;
    let state = passwords::state(&mut work, caller.id).await?;
    work.commit().await?;
    state.ok_or_else(|| Problem::new(ErrorCode::Internal, "a password that was set is not there"))
}

/// Takes one's own away. `false` where there was none.
pub async fn remove_own(context: &Context, caller: &Principal) -> Result<bool, Problem> {
    remove(context, caller, caller).await
}

/// Sets somebody else's, to be replaced by one of their own when they sign in. Who is new is made, with `role`.
pub async fn set_for(
    context: &Context,
    hashing: &Hashing,
    caller: &Principal,
    (name, role): (&str, Option<Role>),
    new: &SecretString,
) -> Result<State, Problem> {
    check_other(caller, name)?;
    let phc = hashing.hash(suitable(new, name, None)?).await?;
    let mut work = context.begin().await?;
    let at = work.now();
    let known = principals::get_by_name(&mut work, name).await?;
    let role = role.or_else(|| known.as_ref().map(|known| known.role)).ok_or_else(|| login_links::role_missing(name))?;
    let who = Who { name: name.to_owned(), role, program: known.is_some_and(|known| known.is_program) };
    let principal = tokens::principal(context, &mut work, &who, at).await?;
    sessions::check_person(&principal)?;
    check_not_provided(&mut work, &principal).await?;
    passwords::set(&mut work, &NewPassword { principal_id: principal.id, phc: &phc, must_change: true, set_by: &caller.name }, at).await?;
    let ended = stored::end_all(&mut work, principal.id, None, at).await?;
    let data = json!({"principal": principal.name, "role": principal.role, "sessions_ended": ended});
    work.audit_system(AuditEvent::new(&caller.name, "password.set", data));
    let state = passwords::state(&mut work, principal.id).await?;
    work.commit().await?;
    state.ok_or_else(|| Problem::new(ErrorCode::Internal, "a password that was set is not there"))
}

/// Takes somebody else's away, and signs them out. `false` where there was none.
pub async fn remove_for(context: &Context, caller: &Principal, name: &str) -> Result<bool, Problem> {
    check_other(caller, name)?;
    let known = {
        let mut connection = context.store.acquire().await?;
        principals::get_by_name(&mut connection, name).await?
    };
    match known {
        Some(principal) => remove(context, caller, &principal).await,
        None => Ok(false),
    }
}

async fn remove(context: &Context, caller: &Principal, of: &Principal) -> Result<bool, Problem> {
    let mut work = context.begin().await?;
    let at = work.now();
    let removed = passwords::remove(&mut work, of.id).await?;
    if removed {
        // Who takes their own away is signed in another way, or has just chosen to.
        let ended = if caller.id == of.id { 0 } else { stored::end_all(&mut work, of.id, None, at).await? };
        let data = json!({"principal": of.name, "sessions_ended": ended});
        work.audit_system(AuditEvent::new(&caller.name, "password.removed", data));
    }
    work.commit().await?;
    Ok(removed)
}

/// Whom a provider stands for has no password here: it would go on opening what the provider has closed.
async fn check_not_provided(connection: &mut sqlx::PgConnection, principal: &Principal) -> Result<(), Problem> {
    if !principals::is_provided(connection, principal.id).await? {
        return Ok(());
    }
    let message = format!("`{}` signs in by the OpenID Connect provider, which keeps their password; they have none here", principal.name);
    Err(Problem::new(ErrorCode::PasswordUnsuitable, message))
}

fn check_other(caller: &Principal, name: &str) -> Result<(), Problem> {
    if caller.name != name {
        return Ok(());
    }
    let message = "this is for somebody else's password; `PUT /password` sets your own, and asks for the present one";
    Err(Problem::new(ErrorCode::InvalidParameters, message).with_details(json!({"field": "name"})))
}

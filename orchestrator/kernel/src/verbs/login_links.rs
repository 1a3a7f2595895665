//! Links that sign a browser in, once. Whoever can call makes one for themselves; who manages tokens makes one for somebody else.

use std::time::Duration;

use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use uuid::Uuid;

use super::tokens::{self, Who};
use super::{Context, sessions};
use crate::domain::audit::AuditEvent;
use crate::domain::permissions::TOKENS_MANAGE;
use crate::domain::role::{Principal, Role};
use crate::domain::scope::Target;
use crate::store::login_links::{self, NewLink};
use crate::store::principals;

/// What every code begins with, so that a leaked one is recognised.
pub const PREFIX: &str = "chl_";
/// A link is opened by somebody who sits there, or is on the way to their telephone.
pub const VALID_FOR: Duration = Duration::from_hours(1);

/// Somebody else for whom a link is made.
#[derive(Debug, Clone)]
pub struct For {
    /// Their name.
    pub name: String,
    /// What they may do; the person is made with it where they are new, and has to be told then.
    pub role: Option<Role>,
}

/// A link that was made.
#[derive(Debug)]
pub struct Made {
    /// Whom it signs in.
    pub principal: Principal,
    /// From then on it opens nothing.
    pub expires_at: DateTime<Utc>,
    /// Its code, which is told once.
    pub code: SecretString,
}

/// By what the caller is signed in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Maker {
    /// The token that their access hangs on.
    pub token_id: Option<Uuid>,
    /// The session in which they call.
    pub session_id: Option<Uuid>,
}

/// Makes a link for the caller, or for somebody else.
pub async fn make(context: &Context, caller: &Principal, maker: Maker, whom: Option<&For>) -> Result<Made, Problem> {
    let at = context.clock.now();
    let mut work = context.begin().await?;
    let (principal, token_id) = match whom {
        None => (caller.clone(), maker.token_id),
        Some(whom) if whom.name == caller.name && whom.role.is_none_or(|role| role == caller.role) => (caller.clone(), maker.token_id),
        Some(whom) => {
            caller.check(&TOKENS_MANAGE, Target::ALL)?;
            let known = principals::get_by_name(&mut work, &whom.name).await?;
            let role = whom.role.or_else(|| known.as_ref().map(|known| known.role)).ok_or_else(|| role_missing(&whom.name))?;
            let program = known.is_some_and(|known| known.is_program);
            let who = Who { name: whom.name.clone(), role, program };
            (tokens::principal(context, &mut work, &who, at).await?, None)
        }
    };
    sessions::check_person(&principal)?;
    let (id, code) = (context.ids.new_id(), tokens::random_text(PREFIX));
    let expires_at = at + VALID_FOR;
    let sha256 = tokens::sha256(code.expose_secret());
    let link = NewLink {
        id,
        principal_id: principal.id,
        sha256: &sha256,
        made_by: &caller.name,
        token_id,
        session_id: maker.session_id,
        expires_at,
    };
    login_links::add(&mut work, &link, at).await?;
    let data = json!({"link_id": id, "principal": principal.name, "role": principal.role, "expires_at": expires_at});
    work.audit_system(AuditEvent::new(&caller.name, "login_link.made", data));
    work.commit().await?;
    Ok(Made { principal, expires_at, code })
}

/// Why nobody can be made without a role.
pub(super) fn role_missing(name: &str) -> Problem {
    let message = format!("`{}` is new here: say what they may do, with `role`", name.escape_default());
    Problem::new(ErrorCode::FieldMissing, message).with_details(json!({"field": "role"}))
}

/// Whether a text has a code's form.
pub fn is_plausible(text: &str) -> bool {
    tokens::has_form(PREFIX, text)
}

/// Why a link opens nothing ([`ErrorCode::LoginLinkInvalid`]).
pub fn invalid(why: &str) -> Problem {
    Problem::new(ErrorCode::LoginLinkInvalid, format!("{why}; `chiffon login` makes a new one"))
}

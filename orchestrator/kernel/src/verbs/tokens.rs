//! Making, listing and taking back bearer tokens. A token's text is shown once, when it is made; only its hash is stored.

use std::time::Duration;

use crate::verbs::work::Work;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Context;
use crate::domain::audit::AuditEvent;
use crate::domain::permission::Permissions;
use crate::domain::role::{Principal, Role};
use crate::store::{principals, tokens};

/// What every token's text begins with, so that a leaked one is recognised.
pub const PREFIX: &str = "chf_";

const MOST_LABEL_CHARS: usize = 200;

/// The hash by which a token is stored and found.
pub fn sha256(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

/// A new token's text: 32 random bytes.
pub fn new_text() -> SecretString {
    random_text(PREFIX)
}

/// 32 random bytes as text, behind what says which kind of secret it is.
pub fn random_text(prefix: &str) -> SecretString {
    let bytes: [u8; 32] = rand::rng().random();
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)).into()
}

/// A principal that somebody names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// A program may never approve.
    pub program: bool,
}

/// A token that somebody wants.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose it is; made where it is new.
    pub principal: String,
    /// What they may do.
    pub role: Role,
    /// A program may never approve.
    pub program: bool,
    /// What it is for.
    pub label: String,
    /// For how long it counts; `None` for ever.
    pub valid_for: Option<Duration>,
}

/// A token that was made.
#[derive(Debug)]
pub struct Created {
    /// Names it for `revoke`.
    pub token_id: Uuid,
    /// Whose it is.
    pub principal: Principal,
    /// After this it counts no more.
    pub expires_at: Option<DateTime<Utc>>,
    /// Its text, which is shown once.
    pub text: SecretString,
}

/// Makes a token.
pub async fn create(context: &Context, actor: &str, new: &NewToken) -> Result<Created, Problem> {
    enrol(context, actor, new, new_text()).await?.ok_or_else(|| Problem::new(ErrorCode::Internal, "two tokens have the same text"))
}

/// Makes sure that this text (or a new one) is enrolled as an administrator's token, and gives it back. Changes nothing when it is.
pub async fn ensure_admin(context: &Context, principal: &str, text: Option<SecretString>) -> Result<SecretString, Problem> {
    let text = text.unwrap_or_else(new_text);
    if !is_plausible(text.expose_secret()) {
        return Err(Problem::new(
            ErrorCode::DataDirUnusable,
            format!(
                "the administrator's token does not look like one: it is `{PREFIX}` and the base64url of 32 random bytes; remove admin.token to have a new one made, or correct CHIFFON_ADMIN_TOKEN"
            ),
        ));
    }
    let new =
        NewToken { principal: principal.to_owned(), role: Role::Admin, program: false, label: "made at start".to_owned(), valid_for: None };
    enrol(context, "chiffon", &new, text.clone()).await?;
    Ok(text)
}

/// Whether a text has a token's form.
pub fn is_plausible(text: &str) -> bool {
    has_form(PREFIX, text)
}

/// Whether a text is one that [`random_text`] could have made.
pub(super) fn has_form(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| URL_SAFE_NO_PAD.decode(rest).is_ok_and(|bytes| bytes.len() == 32))
}

async fn enrol(context: &Context, actor: &str, new: &NewToken, text: SecretString) -> Result<Option<Created>, Problem> {
    check_label(&new.label)?;
    let at = context.clock.now();
    let expires_at = expiry(at, new.valid_for)?;
    let mut work = context.begin().await?;
    let who = Who { name: new.principal.clone(), role: new.role, program: new.program };
    let principal = principal(context, &mut work, &who, at).await?;
    let token_id = context.ids.new_id();
    let hash = sha256(text.expose_secret());
    let row = tokens::NewToken { id: token_id, principal_id: principal.id, sha256: &hash, label: &new.label, expires_at };
    if !tokens::add(&mut work, &row, at).await? {
        return Ok(None);
    }
    let data = json!({
        "token_id": token_id, "principal": principal.name, "role": principal.role, "program": principal.is_program,
        "label": new.label, "expires_at": expires_at,
    });
    work.audit_system(AuditEvent::new(actor, "token.created", data));
    work.commit().await?;
    Ok(Some(Created { token_id, principal, expires_at, text }))
}

/// The principal of this name, made where it is new. One that is something else is not changed.
pub(super) async fn principal(context: &Context, work: &mut Work, who: &Who, at: DateTime<Utc>) -> Result<Principal, Problem> {
    check(&context.permissions, who)?;
    let wanted =
        Principal { id: context.ids.new_id(), name: who.name.clone(), role: who.role, grants: Vec::new(), is_program: who.program };
    let principal = principals::add_if_new(work, &wanted, at).await?;
    if (principal.role, principal.is_program) == (who.role, who.program) {
        return Ok(principal);
    }
    Err(Problem::new(
        ErrorCode::InvalidParameters,
        format!(
            "`{}` exists as {} ({}); a token or key can't change that. Use another name, or that role",
            principal.name,
            principal.role.as_str(),
            if principal.is_program { "a program" } else { "a person" },
        ),
    ))
}

/// Refuses a label that is too long.
pub(super) fn check_label(label: &str) -> Result<(), Problem> {
    if label.chars().count() > MOST_LABEL_CHARS || label.contains('\0') {
        let message = format!("the label is longer than {MOST_LABEL_CHARS} characters, or has a NUL; shorten it");
        return Err(Problem::new(ErrorCode::InvalidParameters, message));
    }
    Ok(())
}

fn check(permissions: &Permissions, who: &Who) -> Result<(), Problem> {
    let refuse = |message: String| Err(Problem::new(ErrorCode::InvalidParameters, message));
    let name = &who.name;
    let ok = |letter: char| letter.is_ascii_alphanumeric() || "._@-".contains(letter);
    if name.is_empty() || name.len() > 64 || !name.chars().all(ok) {
        return refuse(format!("`{}` can't be a principal's name: 1 to 64 letters, digits and `. _ @ -`", name.escape_default()));
    }
    if !name.chars().any(char::is_alphanumeric) {
        return refuse(format!("`{name}` can't be a principal's name: it needs a letter or a digit"));
    }
    if name == "chiffon" {
        return refuse("`chiffon` is the system itself; use another name".to_owned());
    }
    if who.program { permissions.check_program(who.role).or_else(refuse) } else { Ok(()) }
}

fn expiry(at: DateTime<Utc>, valid_for: Option<Duration>) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(valid_for) = valid_for else { return Ok(None) };
    let refuse = |message: &str| Problem::new(ErrorCode::InvalidParameters, message).with_details(json!({"field": "valid_days"}));
    let expires_at = TimeDelta::from_std(valid_for).ok().and_then(|delta| at.checked_add_signed(delta));
    // RFC 3339 has four digits for the year.
    let expires_at = expires_at.filter(|at| at.year() <= 9999);
    expires_at.map(Some).ok_or_else(|| refuse("the token would be valid past the year 9999; leave `valid_days` out for ever"))
}

/// The tokens older than a cursor, newest first.
pub async fn list(context: &Context, before: Option<Uuid>, limit: i64) -> Result<Vec<tokens::Listed>, Problem> {
    let mut connection = context.store.acquire().await?;
    Ok(tokens::list(&mut connection, before, limit).await?)
}

/// Takes a token back. Taking one back twice changes nothing the second time.
pub async fn revoke(context: &Context, actor: &str, token_id: Uuid) -> Result<tokens::Listed, Problem> {
    let at = context.clock.now();
    let mut work = context.begin().await?;
    let revoked = tokens::revoke(&mut work, token_id, at).await?;
    let token = tokens::get(&mut work, token_id)
        .await?
        .ok_or_else(|| Problem::new(ErrorCode::TokenNotFound, format!("there is no token {token_id}; `GET /tokens` lists them")))?;
    if revoked {
        let data = json!({"token_id": token_id, "principal": token.name, "label": token.label});
        work.audit_system(AuditEvent::new(actor, "token.revoked", data));
    }
    work.commit().await?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::permission::{Permission, Programs, Reach};

    #[test]
    fn a_new_text_has_a_tokens_form_and_is_never_the_same() {
        let (one, other) = (new_text(), new_text());
        assert!(is_plausible(one.expose_secret()));
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert!(!is_plausible("chf_short"));
        assert!(!is_plausible(one.expose_secret().trim_start_matches('c')));
    }

    #[test]
    fn a_program_is_never_given_a_role_with_what_no_program_may_hold() {
        let (permissions, roles) = (Permissions::default(), Role::Approver.and_above());
        permissions.declare(&[Permission {
            name: "lamps.bless",
            lets: "bless lamps",
            roles,
            programs: Programs::Refused,
            reach: Reach::Everywhere,
        }]);
        let new = |role, program| check(&permissions, &Who { name: "bot".to_owned(), role, program });
        assert!(new(Role::Operator, true).is_ok() && new(Role::Admin, false).is_ok());
        assert_eq!(new(Role::Approver, true).unwrap_err().code, ErrorCode::InvalidParameters);
        assert_eq!(new(Role::Admin, true).unwrap_err().code, ErrorCode::InvalidParameters);
    }

    #[test]
    fn a_name_can_stand_in_an_address() {
        let named = |name: &str| check(&Permissions::default(), &Who { name: name.to_owned(), role: Role::Viewer, program: false });
        assert!(named("ada@example.com").is_ok() && named("..a").is_ok());
        for name in ["", ".", "..", "-", "a/b", "a b", "chiffon"] {
            assert_eq!(named(name).unwrap_err().code, ErrorCode::InvalidParameters, "{name}");
        }
    }
}

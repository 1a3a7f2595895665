//! Trusting and taking back the keys under which principals ask over AMQP. A key is the principal's, and so is the role.

use chiffon_protocol::key::PublicKey;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

use super::Context;
use super::tokens::{self, Who};
use crate::domain::audit::AuditEvent;
use crate::store::principal_keys::{self, Listed, NewKey};

/// A key that is to be trusted.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Whose it is; made where they are new.
    pub who: Who,
    /// The key.
    pub key: PublicKey,
    /// What it is for.
    pub label: String,
}

/// Trusts a key. Trusting it twice for the same principal changes nothing the second time.
pub async fn trust(context: &Context, actor: &str, trust: &Trust) -> Result<Listed, Problem> {
    let (key_id, refuse) = (trust.key.id(), |message: String| Err(Problem::new(ErrorCode::InvalidParameters, message)));
    if context.agents.get(&key_id).is_some() || context.key.id() == key_id {
        return refuse(format!("the key {key_id} is an agent's or the orchestrator's; make one of its own with `chiffon key new FILE`"));
    }
    tokens::check_label(&trust.label)?;
    let at = context.clock.now();
    let mut work = context.begin().await?;
    let principal = tokens::principal(context, &mut work, &trust.who, at).await?;
    let new = NewKey { key: trust.key, principal_id: principal.id, label: &trust.label };
    let is_new = principal_keys::add(&mut work, &new, at).await?;
    let listed = get(&mut work, &key_id).await?;
    if listed.revoked_at.is_some() {
        return refuse(format!("the key {key_id} was taken back; make another with `chiffon key new FILE`"));
    }
    if listed.name != principal.name {
        return refuse(format!("the key {key_id} is `{}`'s; make another for `{}`", listed.name, principal.name));
    }
    if is_new {
        let data = json!({
            "key_id": key_id, "public_key": listed.public_key, "principal": principal.name, "role": principal.role,
            "program": principal.is_program, "label": trust.label,
        });
        work.audit_system(AuditEvent::new(actor, "key.trusted", data));
    }
    work.commit().await?;
    Ok(listed)
}

/// All keys, the newest first.
pub async fn list(context: &Context) -> Result<Vec<Listed>, Problem> {
    let mut connection = context.store.acquire().await?;
    Ok(principal_keys::list(&mut connection, None).await?)
}

/// Takes a key back. Taking one back twice changes nothing the second time.
pub async fn revoke(context: &Context, actor: &str, key_id: &str) -> Result<Listed, Problem> {
    let at = context.clock.now();
    let mut work = context.begin().await?;
    let revoked = principal_keys::revoke(&mut work, key_id, at).await?;
    let key = get(&mut work, key_id).await?;
    if revoked {
        let data = json!({"key_id": key_id, "principal": key.name, "label": key.label});
        work.audit_system(AuditEvent::new(actor, "key.revoked", data));
    }
    work.commit().await?;
    Ok(key)
}

async fn get(work: &mut sqlx::PgConnection, key_id: &str) -> Result<Listed, Problem> {
    principal_keys::list(work, Some(key_id)).await?.pop().ok_or_else(|| {
        let shown: String = key_id.chars().take(60).collect();
        Problem::new(ErrorCode::KeyNotFound, format!("there is no key `{}`; `chiffon key list` lists them", shown.escape_default()))
    })
}

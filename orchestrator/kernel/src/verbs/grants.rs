//! What people and programs may do: the role that somebody has everywhere, and roles for some hosts, actions and risks beside it.
//!
//! Whoever manages tokens does it. Nobody gives what they do not hold everywhere, and the last person who manages tokens stays one.

use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use uuid::Uuid;

use super::Context;
use super::work::Work;
use crate::domain::audit::AuditEvent;
use crate::domain::permissions::TOKENS_MANAGE;
use crate::domain::role::{Grant, Principal, Role};
use crate::domain::scope::{Scope, Target};
use crate::store::grants::{self, Listed};
use crate::store::principals;

/// Nobody has more.
const MOST_GRANTS: usize = 100;

/// Somebody, with all that they may do.
#[derive(Debug)]
pub struct Held {
    /// Who.
    pub principal: Principal,
    /// Their grants beside the role.
    pub grants: Vec<Listed>,
}

/// What somebody may do.
pub async fn of(context: &Context, name: &str) -> Result<Held, Problem> {
    let mut connection = context.store.acquire().await?;
    let principal = principals::get_by_name(&mut connection, name).await?.ok_or_else(|| nobody(name))?;
    let grants = grants::list(&mut connection, principal.id).await?;
    Ok(Held { principal, grants })
}

/// Gives somebody a role for a part.
pub async fn add(context: &Context, caller: &Principal, name: &str, role: Role, scope: Scope) -> Result<Listed, Problem> {
    caller.check(&TOKENS_MANAGE, Target::ALL)?;
    let field = |field: &str, message: String| Err(Problem::new(ErrorCode::InvalidField, message).with_details(json!({"field": field})));
    if scope.is_everywhere() {
        return field("host", "say for what: `host`, `action` or `risk`; what somebody may everywhere is their role".to_owned());
    }
    if let Err((name, why)) = scope.check() {
        return field(name, why);
    }
    let mut work = context.begin().await?;
    let whom = lock(&mut work, name).await?;
    may_give(context, caller, &whom, role)?;
    if !context.permissions.any_for_a_part(role, whom.is_program) {
        let role = role.as_str();
        return field("role", format!("`{role}` for a part gives nothing: all that it lets one do is held everywhere or not at all"));
    }
    if whom.grants.iter().any(|grant| grant.role == role && grant.scope == scope) {
        return field("role", format!("`{name}` is {} for {} already", role.as_str(), scope.told()));
    }
    if whom.grants.len() >= MOST_GRANTS {
        return field("role", format!("`{name}` has {MOST_GRANTS} grants, and nobody has more; take some away, or give wider ones"));
    }
    let at = work.now();
    let grant = Grant { id: context.ids.new_id(), role, scope };
    grants::add(&mut work, whom.id, &grant, &caller.name, at).await?;
    let data = json!({"principal": whom.name, "grant": grant, "had": whom.grants, "role_everywhere": whom.role});
    work.audit_system(AuditEvent::new(&caller.name, "grant.given", data));
    work.commit().await?;
    Ok(Listed { grant, given_by: caller.name.clone(), given_at: at })
}

/// Takes a grant away; what is left.
pub async fn remove(context: &Context, caller: &Principal, name: &str, id: Uuid) -> Result<Held, Problem> {
    caller.check(&TOKENS_MANAGE, Target::ALL)?;
    let mut work = context.begin().await?;
    let mut whom = lock(&mut work, name).await?;
    let Some(grant) = whom.grants.iter().find(|grant| grant.id == id).cloned() else {
        let message = format!("`{name}` has no grant {id}; `chiffon grant list {name}` lists theirs");
        return Err(Problem::new(ErrorCode::GrantNotFound, message).with_details(json!({"name": name, "grant_id": id})));
    };
    grants::remove(&mut work, whom.id, id).await?;
    whom.grants.retain(|grant| grant.id != id);
    let data = json!({"principal": whom.name, "grant": grant, "left": whom.grants, "role_everywhere": whom.role});
    work.audit_system(AuditEvent::new(&caller.name, "grant.taken_back", data));
    let left = grants::list(&mut work, whom.id).await?;
    work.commit().await?;
    Ok(Held { principal: whom, grants: left })
}

/// Gives somebody another role everywhere.
pub async fn set_role(context: &Context, caller: &Principal, name: &str, role: Role) -> Result<Held, Problem> {
    caller.check(&TOKENS_MANAGE, Target::ALL)?;
    let mut work = context.begin().await?;
    // In one order for all who do this at once: the admins first, then whose role changes.
    let admins = principals::lock_people_with(&mut work, Role::Admin).await?;
    let mut whom = lock(&mut work, name).await?;
    may_give(context, caller, &whom, role)?;
    if principals::is_provided(&mut work, whom.id).await? {
        let message = format!(
            "`{name}` comes from an identity provider, and their role follows their groups there (`oidc.roles`); give them a role for a part \
             here (`chiffon grant add`), or another group there"
        );
        return Err(Problem::new(ErrorCode::RoleFollowsGroups, message).with_details(json!({"name": name})));
    }
    if role != Role::Admin && whom.role == Role::Admin && !is_another_there(&mut work, &admins, whom.id).await? {
        let message = format!(
            "`{name}` is the last person with the role `admin` who can sign in; make somebody else one first (`chiffon grant role NAME admin`)"
        );
        return Err(Problem::new(ErrorCode::LastAdmin, message).with_details(json!({"name": name})));
    }
    if whom.role != role {
        principals::set_role(&mut work, whom.id, role).await?;
        let data = json!({"principal": whom.name, "from": whom.role, "to": role});
        work.audit_system(AuditEvent::new(&caller.name, "person.role_set", data));
        whom.role = role;
    }
    let grants = grants::list(&mut work, whom.id).await?;
    work.commit().await?;
    Ok(Held { principal: whom, grants })
}

/// Whether one of them but this one has something to sign in with.
async fn is_another_there(work: &mut Work, admins: &[Uuid], but: Uuid) -> Result<bool, Problem> {
    let at = work.now();
    for other in admins.iter().filter(|id| **id != but) {
        if principals::has_a_way_in(work, *other, at).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn lock(work: &mut Work, name: &str) -> Result<Principal, Problem> {
    principals::lock(work, name).await?.ok_or_else(|| nobody(name))
}

fn nobody(name: &str) -> Problem {
    let message = format!(
        "nobody here is called `{}`; `chiffon people` lists who is, and `chiffon token create` makes somebody",
        name.escape_debug()
    );
    Problem::new(ErrorCode::PersonNotFound, message).with_details(json!({"name": name}))
}

fn may_give(context: &Context, caller: &Principal, whom: &Principal, role: Role) -> Result<(), Problem> {
    if whom.is_program {
        let refuse = |why| Problem::new(ErrorCode::InvalidField, why).with_details(json!({"field": "role"}));
        context.permissions.check_program(role).map_err(refuse)?;
    }
    match context.permissions.beyond(caller, role, whom.is_program) {
        None => Ok(()),
        Some(beyond) => {
            let message = format!(
                "`{}` can't make anybody {}: that may {} (`{}`), which they may not themselves everywhere",
                caller.name,
                role.as_str(),
                beyond.lets,
                beyond.name
            );
            Err(Problem::new(ErrorCode::Forbidden, message).with_details(beyond.details(caller)))
        }
    }
}

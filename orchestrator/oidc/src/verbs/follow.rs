//! What somebody may do follows their groups: at each sign-in, and each time the provider is asked again.

use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_kernel::store::principals;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::Problem;
use serde_json::json;

use super::provider::Provider;
use crate::domain::claims::Claims;

/// Gives somebody the role that their groups have; audited where it is another than before.
pub async fn role(work: &mut Work, provider: &Provider, known: Principal, role: Role, claims: &Claims) -> Result<Principal, Problem> {
    if known.role == role {
        return Ok(known);
    }
    principals::set_role(work, known.id, role).await?;
    let data = json!({
        "principal": known.name, "from": known.role, "to": role, "issuer": provider.settings().issuer, "groups": mapped(provider, claims),
    });
    work.audit_system(AuditEvent::new(&known.name, "person.role_followed", data));
    Ok(Principal { role, ..known })
}

/// Those of somebody's groups that say something here.
pub fn mapped<'c>(provider: &Provider, claims: &'c Claims) -> Vec<&'c str> {
    claims.groups.iter().filter(|group| provider.settings().roles.contains_key(*group)).map(String::as_str).collect()
}

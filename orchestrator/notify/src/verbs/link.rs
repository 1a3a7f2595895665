//! The one link of a notification: to its place, and for a person who is to approve a plan, one that signs them in for exactly that.

use chiffon_kernel::store::principals;
use chiffon_protocol::Problem;
use chiffon_requests::verbs::approval_links;
use secrecy::ExposeSecret as _;

use super::Context;
use crate::domain::channel::Channel;
use crate::domain::kind::Kind;
use crate::store::notices::Due;

/// Where it leads. The code stands behind the `#`: opening the link sends it to no server.
pub async fn of(context: &Context, channel: &Channel, due: &Due) -> Result<String, Problem> {
    let url = &context.public_url;
    if let Some(code) = code(context, channel, due).await? {
        return Ok(format!("{url}/ui/decide/{}#code={}", due.id, code.expose_secret()));
    }
    Ok(format!("{url}{}", due.path))
}

async fn code(context: &Context, channel: &Channel, due: &Due) -> Result<Option<secrecy::SecretString>, Problem> {
    let (Kind::ApprovalNeeded, Some(name)) = (due.kind, &channel.person) else { return Ok(None) };
    let (Some(request_id), Some(plan_sha256)) = (due.request_id, due.plan_sha256.as_deref()) else { return Ok(None) };
    let person = {
        let mut connection = context.store.acquire().await?;
        principals::get_by_name(&mut connection, name).await?
    };
    match person {
        Some(person) => approval_links::make(&context.kernel, due.id, &person, (request_id, plan_sha256)).await,
        None => Ok(None),
    }
}

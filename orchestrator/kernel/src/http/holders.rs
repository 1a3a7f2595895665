//! Who may what somebody may not: a denial names people to ask, where its reader may see who may do what.

use axum::response::Response;
use chiffon_protocol::{ErrorCode, Problem};

use super::state::HttpState;
use crate::domain::permission::Permission;
use crate::domain::permissions::PEOPLE_READ;
use crate::domain::role::Principal;
use crate::store::Error;
use crate::verbs::holders;

/// Adds to a denial who has the permission. An answer that is none stays as it is; so does one that names somebody, and one where nobody can
/// be named.
pub(super) async fn tell(state: &HttpState, caller: &Principal, response: &mut Response) {
    let Some(problem) = response.extensions_mut().get_mut::<Problem>().filter(|problem| problem.code == ErrorCode::Forbidden) else {
        return;
    };
    let permission = problem.details["permission"].as_str().and_then(|name| state.context.permissions.get(name));
    let Some(permission) = permission.filter(|_| problem.details["people"].is_null() && caller.may_somewhere(&PEOPLE_READ)) else { return };
    match names(state, caller, &permission).await {
        Ok(names) => holders::tell(problem, names),
        Err(error) => tracing::debug!(%error, "who has a permission can't be read; the denial names nobody"),
    }
}

async fn names(state: &HttpState, caller: &Principal, permission: &Permission) -> Result<Vec<String>, Error> {
    let mut connection = state.context.store.acquire().await?;
    holders::names(&state.context, &mut connection, permission, caller.id, |person| person.may_everywhere(permission)).await
}

//! Who may what somebody may not: a denial names people to ask, where its reader may see who may do what.

use axum::response::Response;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

use super::state::HttpState;
use crate::domain::permissions::PEOPLE_READ;
use crate::domain::role::{Principal, Role};
use crate::store::{Error, principals};

/// So many are named.
const MOST_NAMED: usize = 5;

/// Adds to a denial who has the permission. An answer that is none stays as it is; so does one where nobody can be named.
pub(super) async fn tell(state: &HttpState, caller: &Principal, response: &mut Response) {
    let Some(problem) = response.extensions_mut().get_mut::<Problem>().filter(|problem| problem.code == ErrorCode::Forbidden) else {
        return;
    };
    let permission = problem.details["permission"].as_str().and_then(|name| state.context.permissions.get(name));
    let Some(permission) = permission.filter(|_| caller.may_somewhere(&PEOPLE_READ)) else { return };
    match names(state, caller, permission.roles).await {
        Ok(mut names) if !names.is_empty() => {
            let more = names.len() > MOST_NAMED;
            names.truncate(MOST_NAMED);
            let others = if more { " and others" } else { "" };
            problem.message = format!("{} (who may: {}{others})", problem.message, names.join(", "));
            problem.details["people"] = json!(names);
        }
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "who has a permission can't be read; the denial names nobody"),
    }
}

async fn names(state: &HttpState, caller: &Principal, roles: &[Role]) -> Result<Vec<String>, Error> {
    let roles: Vec<String> = roles.iter().map(|role| role.as_str().to_owned()).collect();
    let most = i64::try_from(MOST_NAMED).unwrap_or(i64::MAX).saturating_add(1);
    let mut connection = state.context.store.acquire().await?;
    principals::list_people_with(&mut connection, &roles, caller.id, state.context.clock.now(), most).await
}

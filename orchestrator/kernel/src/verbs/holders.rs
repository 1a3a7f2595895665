//! Who may what somebody may not, for a denial that names people to ask.

use chiffon_protocol::Problem;
use serde_json::json;
use uuid::Uuid;

use super::Context;
use crate::domain::permission::Permission;
use crate::domain::role::Principal;
use crate::store::{Error, principals};
use sqlx::PgConnection;

/// So many are named.
const MOST_NAMED: usize = 5;
/// So many are looked at.
const MOST_LOOKED_AT: i64 = 200;

/// The first people who have a permission for what `covers` looks at, by name, and somebody else than this one.
pub async fn names(
    context: &Context,
    connection: &mut PgConnection,
    permission: &Permission,
    but: Uuid,
    covers: impl Fn(&Principal) -> bool,
) -> Result<Vec<String>, Error> {
    let roles: Vec<String> = permission.roles.iter().map(|role| role.as_str().to_owned()).collect();
    let people = principals::list_people_with(connection, &roles, but, context.clock.now(), MOST_LOOKED_AT).await?;
    Ok(people.into_iter().filter(covers).map(|person| person.name).take(MOST_NAMED + 1).collect())
}

/// Adds to a denial who may; one where nobody can be named stays as it is.
pub fn tell(problem: &mut Problem, mut names: Vec<String>) {
    if names.is_empty() {
        return;
    }
    let more = names.len() > MOST_NAMED;
    names.truncate(MOST_NAMED);
    let others = if more { " and others" } else { "" };
    problem.message = format!("{} (who may: {}{others})", problem.message, names.join(", "));
    problem.details["people"] = json!(names);
}

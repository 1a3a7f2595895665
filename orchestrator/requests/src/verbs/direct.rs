//! Asking without words: the action is looked up and checked before anything is stored, so that a form can say at once what is wrong.

use chiffon_fleet::store::catalogue;
use chiffon_kernel::domain::credential::address_with_password;
use chiffon_kernel::domain::role::Principal;
use chiffon_planning::planner::direct;
use chiffon_plans::domain::assemble;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::{Value, json};

use super::{Context, scope_of_plan};
use crate::domain::asked_action::AskedAction;
use crate::domain::permissions::REQUESTS_ASK;

/// What the request is called, unless no plan can be made of it.
pub async fn checked(context: &Context, principal: &Principal, asked: &AskedAction) -> Result<String, Problem> {
    no_password(asked)?;
    let mut connection = context.store.acquire().await?;
    let (catalogue, fleet) = catalogue::load(&mut connection).await?;
    let draft = direct::draft(asked.wish(), &catalogue, &fleet)?;
    // What can't be known yet, because a secret stands in it, is looked at when it is planned.
    if !principal.may_everywhere(&REQUESTS_ASK)
        && let Ok(steps) = assemble::check(&draft, &catalogue, &fleet)
        && let Some(problem) =
            scope_of_plan::refused(context, &mut connection, principal, &REQUESTS_ASK, &steps.iter().collect::<Vec<_>>()).await?
    {
        return Err(problem);
    }
    Ok(draft.summary)
}

/// Refuses a password in an address: what is asked is kept for good, as words are.
fn no_password(asked: &AskedAction) -> Result<(), Problem> {
    let found = asked.parameters.iter().find_map(|(name, value)| Some((name, address_in(value)?)));
    let Some((name, address)) = found else { return Ok(()) };
    let field = format!("action.parameters.{name}");
    let message = format!(
        "`{name}` holds a password, in the address `{address}`; what is asked is kept for good, in the database and in the audit trail, so \
         nothing was taken. Say the address without the password"
    );
    let code = ErrorCode::PasswordInText;
    let problems = json!([{"field": field, "code": code, "message": message}]);
    Err(Problem::new(code, message).with_details(json!({"address": address, "field": field, "problems": problems})))
}

fn address_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => address_with_password(text),
        Value::Array(items) => items.iter().find_map(address_in),
        Value::Object(members) => members.values().find_map(address_in),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

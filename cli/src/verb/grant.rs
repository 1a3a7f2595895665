//! `chiffon grant`: what somebody may do, everywhere and for a part.

use serde_json::{Value, json};

use crate::args::{GrantVerb, Output};
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::table::{self, text};
use crate::show::time;

/// Lists, gives or takes back.
pub async fn run(api: &Api, output: Output, verb: &GrantVerb) -> Outcome {
    match verb {
        GrantVerb::List { name } => show(output, &api.get(&format!("/people/{name}/grants"), &[]).await?),
        GrantVerb::Add { name, role, host, action, risk } => {
            let body = json!({"role": role, "host": host, "action": action, "risk": risk});
            let given = api.post(&format!("/people/{name}/grants"), &body).await?;
            if !table::json(output, &given) {
                say!("{name} is {role} for {} now.", reach(&given));
            }
        }
        GrantVerb::Remove { name, id } => show(output, &api.delete(&format!("/people/{name}/grants/{id}")).await?),
        GrantVerb::Role { name, role } => show(output, &api.put(&format!("/people/{name}/role"), &json!({"role": role})).await?),
    }
    Ok(Exit::Done)
}

fn show(output: Output, held: &Value) {
    if table::json(output, held) {
        return;
    }
    say!("{} is {} everywhere.", text(&held["name"]), text(&held["role"]));
    let listed = json!({"items": held["grants"]});
    let table = rows(&listed)
        .map(|row| vec![text(&row["id"]), text(&row["role"]), reach(row), text(&row["given_by"]), time::ago(&row["given_at"])])
        .collect();
    table::print(&["ID", "ROLE", "FOR", "GIVEN BY", "GIVEN"], table, "Nothing beside.");
}

/// For what, in words.
fn reach(grant: &Value) -> String {
    let parts = [("host", "hosts of"), ("action", "the action"), ("risk", "risk up to")];
    parts
        .iter()
        .filter(|(key, _)| !grant[*key].is_null())
        .map(|(key, words)| format!("{words} {}", text(&grant[*key])))
        .collect::<Vec<_>>()
        .join(", ")
}

//! `chiffon key trust|list|revoke`: keys under which people and programs ask over AMQP.

use serde_json::json;

use crate::args::{KeyVerb, Output};
use crate::client::{Api, rows};
use crate::exit::{Exit, Failure, Outcome};
use crate::show::table::{self, text};
use crate::show::time;

/// Trusts, lists or takes back keys.
pub async fn run(api: &Api, output: Output, verb: &KeyVerb) -> Outcome {
    match verb {
        KeyVerb::Trust { name, public_key, role, program, label } => {
            let body = json!({"name": name, "role": role, "program": program, "public_key": public_key, "label": label});
            let trusted = api.post("/keys", &body).await?;
            if !table::json(output, &trusted) {
                println!("{}", text(&trusted["key_id"]));
                say!("What it signs for orchestrator.requests now counts as {name}'s.");
            }
        }
        KeyVerb::List => {
            let listed = api.get("/keys", &[]).await?;
            if !table::json(output, &listed) {
                let row = |row: &serde_json::Value| {
                    let made = time::ago(&row["created_at"]);
                    vec![text(&row["key_id"]), text(&row["name"]), text(&row["role"]), text(&row["label"]), made, text(&row["revoked_at"])]
                };
                let table = rows(&listed).map(row).collect();
                table::print(&["ID", "WHOSE", "ROLE", "FOR", "TRUSTED", "REVOKED"], table, "No keys.");
            }
        }
        KeyVerb::Revoke { id } => {
            api.delete(&format!("/keys/{id}")).await?;
            say!("Revoked.");
        }
        KeyVerb::Show { .. } | KeyVerb::New { .. } => return Err(Failure::usage("this verb asks nobody")),
    }
    Ok(Exit::Done)
}

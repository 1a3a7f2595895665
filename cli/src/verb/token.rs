//! `chiffon token`: access for people and programs.

use serde_json::{Value, json};

use crate::args::{Output, TokenVerb};
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::table::{self, text};
use crate::show::time;

/// Makes, lists or takes back tokens.
pub async fn run(api: &Api, output: Output, verb: &TokenVerb) -> Outcome {
    match verb {
        TokenVerb::Create { name, role, program, days } => {
            let mut body = json!({"name": name, "role": role, "program": program});
            if let Some(days) = days {
                body["valid_days"] = json!(days);
            }
            let made = api.post("/tokens", &body).await?;
            if !table::json(output, &made) {
                println!("{}", text(&made["token"]));
                say!("This is the only time it is shown. It goes into CHIFFON_TOKEN.");
            }
        }
        TokenVerb::List { most } => {
            let listed = api.list("/tokens", &[], most.limit(usize::MAX)).await?;
            if !table::json(output, &listed) {
                let table = rows(&listed)
                    .map(|row| {
                        vec![
                            text(&row["token_id"]),
                            text(&row["name"]),
                            text(&row["role"]),
                            time::ago(&row["created_at"]),
                            used(row, &listed["current"]),
                            text(&row["expires_at"]),
                            text(&row["revoked_at"]),
                        ]
                    })
                    .collect();
                table::print(&["ID", "WHOSE", "ROLE", "MADE", "LAST USED", "EXPIRES", "REVOKED"], table, "No tokens.");
            }
        }
        TokenVerb::Revoke { id } => {
            api.delete(&format!("/tokens/{id}")).await?;
            say!("Revoked.");
        }
    }
    Ok(Exit::Done)
}

/// When a token was last used, to within an hour, and whether it is the one of this call.
fn used(row: &Value, current: &Value) -> String {
    let at = if row["last_used_at"].is_null() { "never".to_owned() } else { time::ago(&row["last_used_at"]) };
    if row["token_id"] == *current { format!("{at} (this one)") } else { at }
}

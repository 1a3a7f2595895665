//! `chiffon token`: access for people and programs.

use serde_json::json;

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
        TokenVerb::List => {
            let listed = api.list("/tokens", &[], usize::MAX).await?;
            if !table::json(output, &listed) {
                let table = rows(&listed)
                    .map(|row| {
                        vec![
                            text(&row["token_id"]),
                            text(&row["name"]),
                            text(&row["role"]),
                            time::ago(&row["created_at"]),
                            text(&row["expires_at"]),
                            text(&row["revoked_at"]),
                        ]
                    })
                    .collect();
                table::print(&["ID", "WHOSE", "ROLE", "MADE", "EXPIRES", "REVOKED"], table, "No tokens.");
            }
        }
        TokenVerb::Revoke { id } => {
            api.delete(&format!("/tokens/{id}")).await?;
            say!("Revoked.");
        }
    }
    Ok(Exit::Done)
}

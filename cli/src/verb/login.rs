//! `chiffon login`: a link that signs a browser in, once.

use serde_json::{Value, json};

use crate::args::{Login, Output};
use crate::client::Api;
use crate::exit::{Exit, Failure, Outcome};
use crate::show::table::{self, text};

/// Makes a link, for oneself or for somebody else, and prints it.
pub async fn run(api: &Api, output: Output, login: &Login) -> Outcome {
    let mut body = json!({});
    for (field, value) in [("name", &login.name), ("role", &login.role)] {
        if let Some(value) = value {
            body[field] = json!(value);
        }
    }
    let made = link(api, &body).await?;
    if !table::json(output, &made) {
        println!("{}", text(&made["url"]));
        say!("It signs {} in, once, within an hour.", text(&made["name"]));
    }
    Ok(Exit::Done)
}

/// A new link, with whom it signs in and until when.
pub async fn link(api: &Api, body: &Value) -> Result<Value, Failure> {
    api.post("/login-links", body).await
}

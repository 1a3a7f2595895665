//! `chiffon password`: sets a password, one's own or somebody else's, or takes it away. It is asked for at a terminal without being shown,
//! and read from standard input otherwise; it never stands on the command line, where other users of the machine see it.

use std::io::BufRead as _;

use serde_json::{Value, json};

use super::terminal;
use crate::args::{Output, Password};
use crate::client::Api;
use crate::exit::{Exit, Failure, Outcome};
use crate::show::table::{self, text};

/// Sets or removes it.
pub async fn run(api: &Api, output: Output, wanted: &Password) -> Outcome {
    let me = text(&api.get("/whoami", &[]).await?["name"]);
    let other = wanted.name.as_deref().filter(|name| *name != me);
    if wanted.remove {
        let path = other.map_or_else(|| "/password".to_owned(), |name| format!("/people/{name}/password"));
        let done = api.delete(&path).await?;
        if !table::json(output, &done) {
            let whose = other.unwrap_or(&me);
            if done["removed"] == true {
                say!("{whose} has no password any more.");
            } else {
                say!("{whose} had none.");
            }
        }
        return Ok(Exit::Done);
    }
    let done = match other {
        Some(name) => for_other(api, name, wanted.role.as_deref()).await?,
        None => own(api).await?,
    };
    if !table::json(output, &done) {
        if let Some(name) = other {
            say!("Set. {name} signs in with it once, and chooses another then.");
        } else {
            say!("Set. Where you were signed in with a browser, you are not any more.");
        }
    }
    Ok(Exit::Done)
}

async fn for_other(api: &Api, name: &str, role: Option<&str>) -> Result<Value, Failure> {
    let password = new(&format!("A password for {name}")).await?;
    let mut body = json!({"password": password});
    if let Some(role) = role {
        body["role"] = json!(role);
    }
    api.put(&format!("/people/{name}/password"), &body).await
}

async fn own(api: &Api) -> Result<Value, Failure> {
    let has_one = !api.get("/password", &[]).await?["password"].is_null();
    let mut body = json!({});
    if has_one {
        body["present"] = json!(line("Your present password").await?);
    }
    body["password"] = json!(new("Your new password").await?);
    api.put("/password", &body).await
}

/// A new one: twice where a person types it and can't see it.
async fn new(question: &str) -> Result<String, Failure> {
    let password = line(question).await?;
    if terminal::is_there() && line("The same again").await? != password {
        return Err(Failure::usage("the two are not the same; nothing was changed"));
    }
    Ok(password)
}

async fn line(question: &str) -> Result<String, Failure> {
    let typed = match terminal::ask_hidden(&format!("{question}: ")).await? {
        Some(typed) => Some(typed),
        None if terminal::is_there() => None,
        None => std::io::stdin().lock().lines().next().transpose()?,
    };
    let missing = || {
        Failure::usage(format!(
            "nothing was given for \u{201c}{question}\u{201d}; type it, or give it as a line of standard input, the present one first where \
             you have one"
        ))
    };
    typed.filter(|typed| !typed.is_empty()).ok_or_else(missing)
}
